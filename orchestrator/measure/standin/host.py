"""A stand-in device that is switched on: namespaces of its own, a disk that outlives a reboot, and its daemons."""

import dataclasses
import json
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from orchestrator.errors import DeviceNotReady
from orchestrator.measure.standin import processes
from orchestrator.measure.standin.disk import Board, Disk
from orchestrator.measure.standin.held import HeldProcess
from orchestrator.measure.standin.namespaces import command, has_root
from orchestrator.measure.standin.network import Link
from orchestrator.measure.standin.rootfs import DEBIAN, PI, Daemon, File, Mount, Root, User, machine

START_TIMEOUT_S = 30.0
BOARD_MIB = 16
_INIT = Path(__file__).with_name("init.py")
_NEW = ("--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--propagation", "private")
_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
_BOOT_ID = "/proc/sys/kernel/random/boot_id"


@dataclass(frozen=True)
class HostSpec:
    """What a stand-in device is. ``root`` comes on top of /etc, /dev, /proc, /tmp and the home that every device has.

    ``board``: files laid over /proc and /sys, such as ``/proc/cpuinfo``; all of /sys is replaced where one lies there.
    They can be changed while the device runs (``Host.board``). ``disk_mib``: the size of its disk.
    """

    name: str
    root: Root
    daemons: dict[str, Daemon]
    user: User = PI
    board: dict[str, File] = field(default_factory=dict)
    os_release: str = DEBIAN
    disk_mib: int = 1024
    tmp_mib: int = 256
    noexec_tmp: bool = False
    read_only_home: bool = False

    def __post_init__(self) -> None:
        if self.disk_mib < 1 or self.tmp_mib < 1:
            raise ValueError(f"disk_mib and tmp_mib must be >= 1, got {self.disk_mib} and {self.tmp_mib}")


class Host:
    """Runs from ``__init__`` to ``close``. Everything on it ends with it, and with the process that made it.

    ``disk`` and ``board`` stay over a reboot, and can be read and changed from here at any time.
    """

    def __init__(self, spec: HostSpec, link: Link, folder: Path) -> None:
        """``folder``: of this machine, for its logs and to mount its disk on; made where it is not there."""
        self.spec, self.link = spec, link
        self._logs = folder.resolve() / "log"
        self._logs.mkdir(parents=True, exist_ok=True)
        self._init: HeldProcess | None = None
        whole = machine(spec.name, spec.user, spec.os_release) + spec.root
        self._mounts = whole.mounts
        space = link.namespace
        self.board = Board(space, folder.resolve() / "board", size_mib=BOARD_MIB)
        self.disk = Disk(space, folder.resolve() / "disk", size_mib=spec.disk_mib, user=spec.user)
        try:
            self.disk.lay(whole)
            self.disk.give_to_user(spec.user.folder)
            self.board.lay(spec.board)
            self.start()
        except BaseException:
            self.close()
            raise

    # Power

    @property
    def running(self) -> bool:
        return self._init is not None and self._init.running

    def start(self) -> None:
        """Boots: a new /tmp, /run, /dev and boot id, all daemons. Returns once they listen. Raises DeviceNotReady."""
        if self.running:
            return
        self.board.set(_BOOT_ID, f"{uuid.uuid4()}\n")
        argv = ["unshare", *_NEW, *_new_clocks(), sys.executable, "-I", "-S", str(_INIT)]
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
        self.disk.close()
        self.board.close()

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
        target = f"--target={self._first_pid()}"
        return ["nsenter", target, "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd=/", *argv]

    def run(self, argv: Sequence[str]) -> str:
        """The stdout of a command that runs on the device, as its root. Raises DeviceNotReady."""
        return command(self.argv(["env", "-i", f"PATH={_PATH}", *argv]))

    def processes(self) -> dict[int, str]:
        """What runs on the device now, without its first process: pid on this machine -> command line."""
        return processes.in_pid_namespace_of(self._first_pid()) if self.running else {}

    def log(self, daemon: str) -> str:
        """What the daemon has said since the host was made."""
        return (self._logs / f"{daemon}.log").read_text(errors="replace")

    # How

    def _ask(self, order: dict[str, str]) -> dict[str, Any]:
        if self._init is None:
            raise DeviceNotReady(f"stand-in {self.spec.name} is switched off")
        answer: dict[str, Any] = json.loads(self._init.ask(json.dumps(order)))
        return answer

    def _first_pid(self) -> int:
        first = None if self._init is None else processes.first_child(self._init.pid)
        if first is None:
            raise DeviceNotReady(f"stand-in {self.spec.name} is switched off")
        return first

    def _boot_order(self) -> dict[str, Any]:
        return {
            "hostname": self.spec.name,
            "disk": str(self.disk.folder),
            "mounts": [dataclasses.asdict(mount) for mount in self._all_mounts()],
            "daemons": {name: self._daemon_order(name, daemon) for name, daemon in self.spec.daemons.items()},
        }

    def _all_mounts(self) -> list[Mount]:
        """In their order: a mount below another one comes after it."""
        mounts = [self._with_tmp_options(mount) for mount in self._mounts]
        if self.spec.read_only_home:
            mounts.append(Mount(self.spec.user.folder, self.spec.user.folder, kind="disk", read_only=True))
        mounts = [self._of_disk(mount) if mount.kind == "disk" else mount for mount in mounts]
        # Some of /proc/sys and all of /proc/irq reach beyond the namespaces: nobody on the device writes there.
        beyond = [Mount(path, path, read_only=True) for path in ("/proc/sys", "/proc/irq") if Path(path).exists()]
        return [*sorted(mounts, key=_depth), *beyond, *self.board.mounts((_BOOT_ID, *self.spec.board))]

    def _of_disk(self, mount: Mount) -> Mount:
        return dataclasses.replace(mount, kind="bind", source=f"{self.disk.folder}{mount.source}")

    def _with_tmp_options(self, mount: Mount) -> Mount:
        if mount.target != "/tmp":
            return mount
        options = f"mode=1777,size={self.spec.tmp_mib}m"
        return dataclasses.replace(mount, options=options, noexec=self.spec.noexec_tmp)

    def _daemon_order(self, name: str, daemon: Daemon) -> dict[str, Any]:
        return {
            "argv": daemon.argv,
            "program": daemon.program or daemon.argv[0],
            "environment": {"PATH": _PATH, **daemon.environment},
            "cwd": daemon.cwd,
            "log": str(self._logs / f"{name}.log"),
            "as_uid": (daemon.as_uid or self.spec.user.uid) if daemon.as_user and not has_root() else None,
        }

    def _wait_for(self, name: str) -> None:
        """Until the daemon listens; seen from inside, so that a cut link does not matter."""
        port = self.spec.daemons[name].port
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while not processes.listens(self._first_pid(), port):
            if time.monotonic() > deadline_s or not self._ask({"alive": name})["alive"]:
                raise DeviceNotReady(f"{name} of stand-in {self.spec.name} did not start: {self.log(name)[-2000:]}")
            time.sleep(0.01)


def _new_clocks() -> tuple[str, ...]:
    """Options of unshare for clocks that begin at zero, as a device's do that has just been switched on."""
    if not Path("/proc/self/ns/time").exists():
        return ()
    since_boot_s = {
        "--monotonic": time.clock_gettime(time.CLOCK_MONOTONIC),
        "--boottime": time.clock_gettime(time.CLOCK_BOOTTIME),
    }
    return ("--time", *(word for option, now_s in since_boot_s.items() for word in (option, f"-{int(now_s)}")))


def _depth(mount: Mount) -> int:
    return mount.target.count("/")
