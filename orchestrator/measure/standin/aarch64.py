"""The emulated aarch64 board: OpenSSH, Python and whatever is put there really run, each instruction by qemu-user.

Its agent says so (``DeviceProbe.virtual``), and its times are never ranked.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from orchestrator.errors import DeviceNotReady
from orchestrator.measure.standin import aarch64_enter
from orchestrator.measure.standin.aarch64_root import USER, USER_ID
from orchestrator.measure.transports.ssh_config import SshTarget

# What a Raspberry Pi 5 has; qemu knows its instructions, not its speed.
CPU = "cortex-a76"
START_TIMEOUT_S = 60.0
LOOPBACK = "127.0.0.1"
_QEMU = "qemu-aarch64-static"
_SSHD_CONFIG = "etc/ssh/sshd_config_board"

# Turns a command into one that runs elsewhere, such as in a device's network namespace.
Enter = Callable[[Sequence[str]], list[str]]


def qemu_user() -> Path:
    """The emulator. Raises DeviceNotReady where it is not installed."""
    found = shutil.which(_QEMU)
    if found is None:
        raise DeviceNotReady(f"{_QEMU} is not installed", hint="apt-get install qemu-user-static")
    return Path(found)


class Aarch64Board:
    """An sshd in ``root`` (``build_root``), which is only read; what is changed there lies in ``folder``.

    It runs from ``start`` to ``stop``, and ends with this process however that ends.

    The user is ``pi``, the only one there is; the key pair and the known hosts of the board lie in ``folder`` too.
    ``enter`` puts it into a network namespace in which ``address`` is its own.
    """

    def __init__(
        self,
        folder: Path,
        root: Path,
        *,
        address: str = LOOPBACK,
        port: int | None = None,
        enter: Enter = list,
    ) -> None:
        self.folder, self.root, self.address, self._enter = folder, root, address, enter
        self.port = port or _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._prepare()

    @property
    def user(self) -> str:
        return USER

    @property
    def user_key(self) -> Path:
        return self.folder / "user_key"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    @property
    def target(self) -> SshTarget:
        return SshTarget(
            host="aarch64",
            address=self.address,
            port=self.port,
            user=USER,
            identity_files=(self.user_key,),
            known_hosts=(self.known_hosts,),
            identities_only=True,
        )

    @property
    def pid(self) -> int | None:
        """Of the process that holds the board; its only child is the board's process 1. None while it is off."""
        return self._process.pid if self._process else None

    def path(self, inside: str) -> Path:
        """Where a file that was changed on the board lies here."""
        return self.folder / "upper" / inside.lstrip("/")

    def start(self) -> None:
        """Raises DeviceNotReady with what the board said where its sshd does not answer."""
        program, work = aarch64_enter.__file__, self.folder / "work"
        argv = [sys.executable, "-I", "-S", program, str(qemu_user()), str(self.root), str(self.path("")), str(work)]
        sshd = ["/usr/sbin/sshd", "-D", "-e", "-f", f"/{_SSHD_CONFIG}"]
        self._log.touch()
        starts = self._starts()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._enter([*argv, str(USER_ID), *sshd]),
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": f"/home/{USER}", "QEMU_CPU": CPU},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._await_listening(starts)

    def stop(self) -> None:
        """Power off: everything that runs there ends at once. What lies on its disk stays."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            assert self._process.stdin
            self._process.stdin.close()
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def _prepare(self) -> None:
        home = self.path(f"home/{USER}/.ssh")
        cpus = self.path("sys/devices/system/cpu")
        for folder in (home, self.path("etc/ssh"), cpus, self.folder / "work"):
            folder.mkdir(parents=True, exist_ok=True)
        # ONNX Runtime for ARM counts them here, and aborts where it cannot. qemu-user runs threads on all of ours.
        for name in ("possible", "present", "online"):
            (cpus / name).write_text(f"0-{(os.cpu_count() or 1) - 1}\n")
        host_key = self.path("etc/ssh/host_key")
        for path in (host_key, self.user_key):
            if not path.exists():
                _make_key(path)
        public = host_key.with_suffix(".pub").read_text()
        self.known_hosts.write_text(f"[{self.address}]:{self.port} {public}")
        shutil.copy(self.user_key.with_suffix(".pub"), home / "authorized_keys")
        self.path(_SSHD_CONFIG).write_text(_sshd_config(self.address, self.port))

    def _await_listening(self, starts: int) -> None:
        assert self._process
        give_up_s = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < give_up_s and self._process.poll() is None:
            if self._starts() > starts:
                return
            time.sleep(0.02)
        self.stop()
        said = self._log.read_text(errors="replace").strip().splitlines()[-3:]
        raise DeviceNotReady(
            f"the aarch64 board did not start: {' / '.join(said) or 'it said nothing'}",
            hint="it needs Linux 6.7 or later, for a binfmt_misc of its own",
        )

    def _starts(self) -> int:
        """How often its sshd has begun to listen, by its own word."""
        return self._log.read_text(errors="replace").count("Server listening on ")


def _sshd_config(address: str, port: int) -> str:
    lines = [
        f"Port {port}",
        f"ListenAddress {address}",
        "HostKey /etc/ssh/host_key",
        "AuthorizedKeysFile .ssh/authorized_keys",
        "PidFile none",
        "UsePAM no",
        # Its files belong to whoever started it, under another name.
        "StrictModes no",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "UseDNS no",
        "PrintMotd no",
        "PrintLastLog no",
        "MaxStartups 100",
        f"SetEnv QEMU_CPU={CPU}",
    ]
    return "\n".join(lines) + "\n"


def _make_key(path: Path) -> None:
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)]
    try:
        subprocess.run(argv, check=True, capture_output=True, timeout=20, stdin=subprocess.DEVNULL, env=os.environ)
    except (OSError, subprocess.SubprocessError) as exc:
        raise DeviceNotReady(f"cannot make the key {path}: {exc}", hint="apt-get install openssh-client") from exc


def _free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as free:
        return int(free.getsockname()[1])
