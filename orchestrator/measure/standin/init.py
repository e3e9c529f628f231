"""The first process of a stand-in device: makes its root, starts its daemons, buries its dead.

A program of its own (``python init.py``) in new mount, uts, ipc and pid namespaces. The first line on stdin is the
boot order (rootfs.BootOrder as JSON), each further one ``{"start": NAME}``, ``{"kill": NAME}`` or ``{"alive": NAME}``;
each is answered with one JSON line. It ends with its stdin, and with it everything on the device.
"""

import ctypes
import json
import os
import select
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

libc = ctypes.CDLL(None, use_errno=True)
# linux/mount.h
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = (
    1,
    2,
    4,
    8,
    32,
    4096,
    16384,
    1 << 18,
)
MNT_DETACH = 2
# Flags of a mount that a remount must repeat where another user namespace set them. ST_* of statvfs equal MS_*.
KEPT = MS_NOSUID | MS_NODEV | MS_NOEXEC
CLONE_NEWUSER = 0x10000000
PR_CAPBSET_DROP, PR_SET_NAME = 24, 15
# linux/capability.h: what would reach beyond the namespaces. SYS_MODULE, SYS_RAWIO, SYS_BOOT, SYS_TIME, MKNOD, SYSLOG.
DROPPED = (16, 17, 22, 25, 27, 34)


def check(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source: str, target: str, kind: "str | None", flags: int, options: str = "") -> None:
    made = libc.mount(source.encode(), target.encode(), kind and kind.encode(), flags, options.encode() or None)
    check(made, f"mount {source} on {target}")


def place(target: Path, like: Path) -> None:
    """A file or folder to mount on."""
    if like.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    elif not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()


def lay(root: Path, order: "dict[str, Any]") -> None:
    """One mount of the boot order."""
    target = root / order["target"].lstrip("/")
    if order["kind"] == "bind":
        place(target, Path(order["source"]))
        mount(order["source"], str(target), None, MS_BIND | MS_REC)
    else:
        target.mkdir(parents=True, exist_ok=True)
        mount(order["kind"], str(target), order["kind"], MS_NOSUID, order["options"])
    flags = MS_RDONLY * order["read_only"] | MS_NOEXEC * order["noexec"]
    if flags:
        kept = os.statvfs(target).f_flag & KEPT
        mount("none", str(target), None, MS_REMOUNT | MS_BIND | kept | flags)


def devices(root: Path) -> None:
    """/dev as containers have it."""
    folder = root / "dev"
    folder.mkdir(exist_ok=True)
    mount("tmpfs", str(folder), "tmpfs", MS_NOSUID, "mode=755")
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        (folder / name).touch()
        mount(f"/dev/{name}", str(folder / name), None, MS_BIND)
    for name, options in (("pts", "newinstance,ptmxmode=0666,mode=620"), ("shm", "mode=1777")):
        (folder / name).mkdir()
        kind = "devpts" if name == "pts" else "tmpfs"
        mount(kind, str(folder / name), kind, MS_NOSUID, options)
    links = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
    for name, goal in links.items():
        (folder / name).symlink_to(goal)


def build(order: "dict[str, Any]") -> None:
    """Turns this process's world into the device's."""
    root = Path(order["disk"])
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    mount(str(root), str(root), None, MS_BIND | MS_REC)
    (root / "proc").mkdir(exist_ok=True)
    mount("proc", str(root / "proc"), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    # The plain user of a device without root may be anyone; its daemons still listen on their usual ports.
    (root / "proc/sys/net/ipv4/ip_unprivileged_port_start").write_text("0")
    devices(root)
    for entry in order["mounts"]:
        lay(root, entry)
    os.chdir(root)
    check(libc.pivot_root(b".", b"."), "pivot_root")
    check(libc.umount2(b".", MNT_DETACH), "umount")
    os.chdir("/")
    socket.sethostname(order["hostname"])
    for capability in DROPPED:
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    libc.prctl(PR_SET_NAME, b"init", 0, 0, 0)


class Daemons:
    def __init__(self, orders: "dict[str, dict[str, Any]]") -> None:
        self.orders = orders
        self.logs = {
            name: os.open(o["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) for name, o in orders.items()
        }
        self.pids: dict[str, int] = {}

    def start(self, name: str) -> int:
        pid = os.fork()
        if pid == 0:
            try:
                self.become(self.orders[name], self.logs[name])
            finally:
                os._exit(127)
        self.pids[name] = pid
        return pid

    @staticmethod
    def become(order: "dict[str, Any]", log: int) -> None:
        os.setsid()
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if order["as_uid"] is not None:
            # Without root there is one user id to give; a daemon that believes to be root would fail to drop it.
            check(libc.unshare(CLONE_NEWUSER), "unshare")
            Path("/proc/self/setgroups").write_text("deny")
            for kind in ("uid", "gid"):
                Path(f"/proc/self/{kind}_map").write_text(f"{order['as_uid']} 0 1")
        os.chdir(order["cwd"])
        try:
            os.execve(order["argv"][0], order["argv"], order["environment"])
        except OSError as error:
            os.write(2, f"{order['argv'][0]}: {error}\n".encode())

    def kill(self, name: str) -> int:
        """SIGKILL for the daemon and for its processes that serve a connection, as ``killall -9`` does it."""
        victims = [pid for pid in pids() if self.is_part(pid, name)]
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        while any(exists(pid) for pid in victims):
            self.bury()
            time.sleep(0.001)
        return len(victims)

    def is_part(self, pid: int, name: str) -> bool:
        if pid == self.pids.get(name):
            return True
        try:
            return Path(f"/proc/{pid}/exe").samefile(self.orders[name]["program"])
        except OSError:
            return False

    def bury(self) -> None:
        """Takes the exit status of each that has ended."""
        try:
            while (pid := os.waitpid(-1, os.WNOHANG)[0]) > 0:
                self.pids = {name: known for name, known in self.pids.items() if known != pid}
        except ChildProcessError:
            return

    def answer(self, line: str) -> "dict[str, Any]":
        ((verb, name),) = json.loads(line).items()
        self.bury()
        if verb == "start":
            return {"pid": self.start(name)}
        if verb == "kill":
            return {"killed": self.kill(name)}
        return {"alive": name in self.pids}


def pids() -> "list[int]":
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and entry.name != "1"]


def exists(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def serve(daemons: Daemons) -> None:
    """Until stdin ends."""
    wake, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    pending = b""
    while True:
        ready, _, _ = select.select([0, wake], [], [])
        if wake in ready:
            os.read(wake, 4096)
            daemons.bury()
        if 0 in ready:
            part = os.read(0, 65536)
            if not part:
                return
            *lines, pending = (pending + part).split(b"\n")
            for line in lines:
                os.write(1, json.dumps(daemons.answer(line.decode())).encode() + b"\n")


def main() -> None:
    order = json.loads(sys.stdin.buffer.readline())
    daemons = Daemons(order["daemons"])
    build(order)
    for name in order["daemons"]:
        daemons.start(name)
    os.write(1, b'{"booted": true}\n')
    serve(daemons)


if __name__ == "__main__":
    main()
