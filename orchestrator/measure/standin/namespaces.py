"""A process that holds Linux namespaces open, and commands that run in them."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from orchestrator.errors import DeviceNotReady
from orchestrator.measure.standin.held import HeldProcess

COMMAND_TIMEOUT_S = 20.0
# /usr/sbin is not in the PATH of an ordinary user on Debian.
_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
_FLAGS = {"net": "--net", "mnt": "--mount"}
_USER_NAMESPACES = Path("/proc/sys/user/max_user_namespaces")


def command(argv: Sequence[str], *, input_text: str = "") -> str:
    """The command's stdout. Raises DeviceNotReady with what it said where it fails."""
    try:
        done = subprocess.run(
            argv,
            input=input_text,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            env={**os.environ, "PATH": _PATH},
        )
    except FileNotFoundError as exc:
        raise DeviceNotReady(f"{argv[0]} is not installed", hint=_install_hint(argv[0])) from exc
    except subprocess.TimeoutExpired as exc:
        raise DeviceNotReady(f"{' '.join(argv)} did not end within {COMMAND_TIMEOUT_S:g} s") from exc
    if done.returncode != 0:
        raise DeviceNotReady(
            f"{' '.join(argv)} failed: {done.stderr.strip() or done.returncode}", hint=namespace_hint()
        )
    return done.stdout


def program(name: str) -> str:
    """Full path of an installed program. Raises DeviceNotReady with the package that has it."""
    found = shutil.which(name, path=_PATH)
    if found is None:
        raise DeviceNotReady(f"{name} is not installed", hint=_install_hint(name))
    return os.path.realpath(found)


def _install_hint(program: str) -> str:
    package = {
        "ip": "iproute2",
        "tc": "iproute2",
        "sshd": "openssh-server",
        "ssh-keygen": "openssh-client",
        "dropbear": "dropbear-bin",
        "dropbearconvert": "dropbear-bin",
        "busybox": "busybox-static",
        "unshare": "util-linux",
        "nsenter": "util-linux",
    }
    return f"apt-get install {package.get(program, program)}"


def namespace_hint() -> str | None:
    """Why namespaces may be refused here, as far as that can be seen."""
    if _USER_NAMESPACES.exists() and _USER_NAMESPACES.read_text().strip() == "0":
        return "this machine forbids user namespaces: sysctl user.max_user_namespaces=10000"
    if Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").exists():
        return "AppArmor may forbid it: sysctl kernel.apparmor_restrict_unprivileged_userns=0, or run it as root"
    return None


def has_root() -> bool:
    """Whether this process may act for any user: not in a user namespace that knows a single one."""
    ids = Path("/proc/self/uid_map").read_text().split()
    return os.geteuid() == 0 and int(ids[2]) > 1


class Namespace:
    """New namespaces of ``kinds`` (``net``, ``mnt``), held by a process that ends when this one does, however."""

    def __init__(self, *kinds: str) -> None:
        """Raises DeviceNotReady where they are refused."""
        self._kinds = kinds
        flags = [_FLAGS[kind] for kind in kinds] + (["--propagation", "private"] if "mnt" in kinds else [])
        self._holder = HeldProcess(["unshare", *flags, "cat"], what=f"the holder of the namespaces {kinds}")
        try:
            self._holder.ask("inside")  # cat's echo
        except DeviceNotReady as exc:
            self.close()
            raise DeviceNotReady(exc.message, hint=namespace_hint() or "run it as root") from exc

    @property
    def pid(self) -> int:
        return self._holder.pid

    @property
    def running(self) -> bool:
        return self._holder.running

    @property
    def root(self) -> Path:
        """The root of its mount namespace, as this process can open it."""
        return Path(f"/proc/{self.pid}/root")

    def argv(self, argv: Sequence[str]) -> list[str]:
        """``argv`` as a command that runs inside."""
        return ["nsenter", *[f"{_FLAGS[kind]}=/proc/{self.pid}/ns/{kind}" for kind in self._kinds], *argv]

    def run(self, argv: Sequence[str], *, input_text: str = "") -> str:
        """The command's stdout, run inside. Raises DeviceNotReady."""
        return command(self.argv(argv), input_text=input_text)

    def close(self) -> None:
        """The namespaces go when the last process in them has gone."""
        self._holder.close()
