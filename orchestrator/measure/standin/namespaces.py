"""A process that holds Linux namespaces open, and commands that run in them."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from orchestrator.errors import DeviceNotReady

COMMAND_TIMEOUT_S = 20.0
_FLAGS = {"net": "--net", "mnt": "--mount"}
_USER_NAMESPACES = Path("/proc/sys/user/max_user_namespaces")


def command(argv: Sequence[str], *, input_text: str = "") -> str:
    """The command's stdout. Raises DeviceNotReady with what it said where it fails."""
    # /usr/sbin is not in the PATH of an ordinary user on Debian.
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    try:
        done = subprocess.run(
            argv,
            input=input_text,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            env={**os.environ, "PATH": path},
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


def _install_hint(program: str) -> str:
    package = {"ip": "iproute2", "tc": "iproute2", "dropbear": "dropbear-bin", "busybox": "busybox-static"}
    return f"apt-get install {package.get(program, program)}"


def namespace_hint() -> str | None:
    """Why namespaces may be refused here, as far as that can be seen."""
    if _USER_NAMESPACES.exists() and _USER_NAMESPACES.read_text().strip() == "0":
        return "this machine forbids user namespaces: sysctl user.max_user_namespaces=10000"
    if Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").exists():
        return "AppArmor may forbid it: sysctl kernel.apparmor_restrict_unprivileged_userns=0, or run it as root"
    return None


class Namespace:
    """New namespaces of ``kinds`` (``net``, ``mnt``), held by a process that ends when this one does, however."""

    def __init__(self, *kinds: str) -> None:
        self._kinds = kinds
        flags = [_FLAGS[kind] for kind in kinds] + (["--propagation", "private"] if "mnt" in kinds else [])
        # cat ends with its input, which the kernel closes for us; its echo says that it is inside.
        self._process = subprocess.Popen(
            ["unshare", *flags, "cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdin and self._process.stdout and self._process.stderr
        try:
            self._process.stdin.write(b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass
        if self._process.stdout.read(1) != b"\n":
            said = self._process.stderr.read().decode(errors="replace").strip()
            self.close()
            raise DeviceNotReady(f"no namespaces for a stand-in: {said}", hint=namespace_hint() or "run it as root")

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def root(self) -> Path:
        """The root of its mount namespace, as this process can open it."""
        return Path(f"/proc/{self.pid}/root")

    def argv(self, argv: Sequence[str]) -> list[str]:
        """``argv`` as a command that runs inside."""
        return ["nsenter", *[f"--{_NSENTER[kind]}=/proc/{self.pid}/ns/{kind}" for kind in self._kinds], *argv]

    def run(self, argv: Sequence[str], *, input_text: str = "") -> str:
        """The command's stdout, run inside. Raises DeviceNotReady."""
        return command(self.argv(argv), input_text=input_text)

    def close(self) -> None:
        """The namespaces go when the last process in them has gone."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()


_NSENTER = {"net": "net", "mnt": "mount"}
