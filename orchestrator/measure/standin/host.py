"""A stand-in device that is switched on: namespaces of its own, a disk that outlives a reboot, and its daemons."""

import contextlib
import dataclasses
import json
import os
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from orchestrator.errors import DeviceNotReady
from orchestrator.measure.standin.held import HeldProcess
from orchestrator.measure.standin.namespaces import command, has_root
from orchestrator.measure.standin.network import Link
from orchestrator.measure.standin.rootfs import Daemon, File, Mount, Root, User, machine

START_TIMEOUT_S = 30.0
_INIT = Path(__file__).with_name("init.py")
_NEW = ("--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--propagation", "private")
_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
_FILLER = "/var/filler"


@dataclass(frozen=True)
class HostSpec:
    """What a stand-in device is. ``root`` comes on top of /etc, /dev, /proc, /tmp and the home that every device has.

    ``board``: files laid over /proc and /sys, such as ``/proc/cpuinfo``; all of /sys is replaced where one lies there.
    They can be changed while the device runs (``Host.set_board``). ``disk_mib``: the size of its disk.
    """

    name: str
    root: Root
    daemons: dict[str, Daemon]
    user: User = User("pi")
    board: dict[str, str] = field(default_factory=dict)
    os_release: str = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n'
    disk_mib: int = 1024
    tmp_mib: int = 256
    noexec_tmp: bool = False
    read_only_home: bool = False

    def __post_init__(self) -> None:
        if self.disk_mib < 1 or self.tmp_mib < 1:
            raise ValueError(f"disk_mib and tmp_mib must be >= 1, got {self.disk_mib} and {self.tmp_mib}")


class Host:
    """Runs from ``__init__`` to ``close``. Everything on it ends with it, and with the process that made it."""

    def __init__(self, spec: HostSpec, link: Link, folder: Path) -> None:
        """``folder``: of this machine, for its logs and to mount its disk on; made where it is not there."""
        self.spec, self.link = spec, link
        self._folder = folder.resolve()
        self._init: HeldProcess | None = None
        for name in ("disk", "board", "log"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        try:
            self._make_disk()
            self.start()
        except BaseException:
            self.close()
            raise

    # What stays over a reboot

    def path(self, path: str) -> Path:
        """A path of the device's disk, as this process can open it; also while the device is off. Not for links."""
        return self._held(self._folder / "disk") / path.lstrip("/")

    def set_board(self, path: str, text: str) -> None:
        """Changes what the device finds in a file of ``board``: from now on, and after a reboot."""
        target = self._board_path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        # In place: a bind mount goes on showing the file that was replaced.
        target.write_text(text)

    def board(self, path: str) -> str:
        """What the device finds there now; it may have written it itself."""
        return self._board_path(path).read_text()

    def write(self, path: str, file: File) -> None:
        """Makes a file of the device's disk, and the folders that lead to it."""
        target = self.path(path)
        self._make_folders(target.parent)
        if file.link_to is not None:
            target.symlink_to(file.link_to)
            return
        target.write_text(file.text)
        target.chmod(file.mode)
        if file.owned_by_user:
            self.give_to_user(path)

    def give_to_user(self, path: str) -> None:
        """Makes the user its owner; without root everything belongs to the user as it is."""
        if has_root():
            os.chown(self.path(path), self.spec.user.uid, self.spec.user.uid, follow_symlinks=False)

    def fill_disk(self, *, leave_bytes: int = 0) -> None:
        """Nothing more than ``leave_bytes`` can be written on its disk (its home, /etc, /var; not /tmp)."""
        disk = os.statvfs(self.path("/"))
        with self.path(_FILLER).open("wb") as file:
            if (taken := disk.f_bavail * disk.f_frsize - leave_bytes) > 0:
                os.posix_fallocate(file.fileno(), 0, taken)

    def free_disk(self) -> None:
        self.path(_FILLER).unlink(missing_ok=True)

    # Power

    @property
    def running(self) -> bool:
        return self._init is not None and self._init.running

    def start(self) -> None:
        """Boots: a new /tmp, /run, /dev and boot id, all daemons. Returns once they listen. Raises DeviceNotReady."""
        if self.running:
            return
        self.set_board("/proc/sys/kernel/random/boot_id", f"{uuid.uuid4()}\n")
        argv = ["unshare", *_NEW, sys.executable, "-I", "-S", str(_INIT)]
        self._init = HeldProcess(self.link.namespace.argv(argv), what=f"stand-in {self.spec.name}")
        self._init.ask(json.dumps(self._boot_order()))
        for name in self.spec.daemons:
            self._wait_for(name)

    def power_off(self) -> None:
        """As pulling the plug: everything that runs there is gone at once, what is on its disk stays."""
        if self._init is not None:
            self._init.close()
            self._init = None

    def reboot(self, *, off_s: float = 0.0) -> None:
        self.power_off()
        time.sleep(off_s)
        self.start()

    def close(self) -> None:
        """Switches it off and throws its disk away. The link is its maker's to close."""
        self.power_off()
        if not self.link.namespace.running:
            return
        for name in ("disk", "board"):
            with contextlib.suppress(DeviceNotReady):
                self.link.namespace.run(["umount", "--lazy", str(self._folder / name)])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # What runs there

    def kill_daemon(self, name: str) -> None:
        """SIGKILL for it and its connections. What they had started lives on, as it does on a real device."""
        self._ask({"kill": name})

    def start_daemon(self, name: str) -> None:
        """Returns once it listens."""
        self._ask({"start": name})
        self._wait_for(name)

    def argv(self, argv: Sequence[str]) -> list[str]:
        """``argv`` as a command of this machine that runs on the device, as its root."""
        if self._init is None:
            raise DeviceNotReady(f"stand-in {self.spec.name} is switched off")
        target = f"--target={self._first_pid()}"
        return ["nsenter", target, "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd=/", *argv]

    def run(self, argv: Sequence[str]) -> str:
        """The stdout of a command that runs on the device, as its root. Raises DeviceNotReady."""
        return command(self.argv(["env", "-i", f"PATH={_PATH}", *argv]))

    def processes(self) -> dict[int, str]:
        """What runs on the device now, without its first process: pid on this machine -> command line."""
        if not self.running:
            return {}
        first = self._first_pid()
        space = os.readlink(f"/proc/{first}/ns/pid")
        found = {pid: _command_line(pid) for pid in _all_pids() if pid != first and _pid_namespace(pid) == space}
        return {pid: line for pid, line in found.items() if line}

    def log(self, daemon: str) -> str:
        """What the daemon has said since the host was made."""
        return (self._folder / "log" / f"{daemon}.log").read_text(errors="replace")

    # How

    def _held(self, path: Path) -> Path:
        return self.link.namespace.root / str(path).lstrip("/")

    def _board_path(self, path: str) -> Path:
        return self._held(self._folder / "board") / path.lstrip("/")

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        if self._init is None:
            raise DeviceNotReady(f"stand-in {self.spec.name} is switched off")
        answer: dict[str, Any] = json.loads(self._init.ask(json.dumps(order)))
        return answer

    def _first_pid(self) -> int:
        assert self._init is not None
        parent = self._init.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        if not children:
            raise DeviceNotReady(f"stand-in {self.spec.name} has ended")
        return int(children[0])

    def _make_disk(self) -> None:
        for name, options in (("disk", f"size={self.spec.disk_mib}m,mode=755"), ("board", "size=16m,mode=755")):
            self.link.namespace.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self._folder / name)])
        whole = machine(self.spec.name, self.spec.user, self.spec.os_release) + self.spec.root
        for path, mode in whole.folders.items():
            self._make_folders(self.path(path))
            self.path(path).chmod(mode)
        self.give_to_user(self.spec.user.folder)
        for path, file in whole.files.items():
            self.write(path, file)
        for path, text in self.spec.board.items():
            self.set_board(path, text)

    def _make_folders(self, folder: Path) -> None:
        """mkdir -p; what is made below the user's home belongs to the user."""
        if folder.exists():
            return
        self._make_folders(folder.parent)
        folder.mkdir()
        home = self.path(self.spec.user.folder)
        if folder.is_relative_to(home):
            self.give_to_user(str(folder.relative_to(self.path("/"))))

    def _mounts(self) -> list[Mount]:
        """All mounts in their order: a mount below another one comes after it."""
        spec, home = self.spec, self.spec.user.folder
        mounts = list((machine(spec.name, spec.user, "") + spec.root).mounts)
        options = f"mode=1777,size={spec.tmp_mib}m"
        mounts = [
            dataclasses.replace(m, options=options, noexec=spec.noexec_tmp) if m.target == "/tmp" else m for m in mounts
        ]
        if spec.read_only_home:
            mounts.append(Mount(home, str(self._folder / "disk" / home.lstrip("/")), read_only=True))
        board = self._folder / "board"
        files = [path for path in ("/proc/sys/kernel/random/boot_id", *spec.board) if path.startswith("/proc/")]
        over = [Mount(path, str(board / path.lstrip("/")), read_only=True) for path in files]
        if any(path.startswith("/sys/") for path in spec.board):
            over.append(Mount("/sys", str(board / "sys")))
        by_depth = sorted(mounts, key=lambda mount: mount.target.count("/"))
        # /proc/sys reaches beyond the namespaces in places; what lies over it has to be there before.
        return [*by_depth, Mount("/proc/sys", "/proc/sys", read_only=True), *over]

    def _boot_order(self) -> dict[str, Any]:
        return {
            "hostname": self.spec.name,
            "disk": str(self._folder / "disk"),
            "mounts": [dataclasses.asdict(mount) for mount in self._mounts()],
            "daemons": {name: self._daemon_order(name, daemon) for name, daemon in self.spec.daemons.items()},
        }

    def _daemon_order(self, name: str, daemon: Daemon) -> dict[str, Any]:
        return {
            "argv": daemon.argv,
            "program": daemon.program or daemon.argv[0],
            "environment": {"PATH": _PATH, **daemon.environment},
            "cwd": daemon.cwd,
            "log": str(self._folder / "log" / f"{name}.log"),
            "as_uid": self.spec.user.uid if daemon.as_user and not has_root() else None,
        }

    def _wait_for(self, name: str) -> None:
        """Until the daemon takes a connection on its own loopback, so that a cut link does not matter."""
        port = self.spec.daemons[name].port
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while not _listens(self._first_pid(), port):
            if time.monotonic() > deadline_s or not self._ask({"alive": name})["alive"]:
                raise DeviceNotReady(f"{name} of stand-in {self.spec.name} did not start: {self.log(name)[-2000:]}")
            time.sleep(0.01)


def _listens(pid: int, port: int) -> bool:
    """Whether a TCP socket listens on ``port`` in the network namespace of ``pid``."""
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]:
                local, _, state = line.split()[1:4]
                # include/net/tcp_states.h: TCP_LISTEN is 10.
                if int(local.rpartition(":")[2], 16) == port and state == "0A":
                    return True
    return False


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _pid_namespace(pid: int) -> str | None:
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/{pid}/ns/pid")
    return None


def _command_line(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return ""
