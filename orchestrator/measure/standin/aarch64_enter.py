"""Runs a command inside an aarch64 root: ``python aarch64_enter.py QEMU ROOT UPPER WORK USER_ID COMMAND...``.

A program of its own, because it changes what it is: new user, mount, PID and host name namespaces in which aarch64
programs are run by qemu-user. Since Linux 6.7 binfmt_misc belongs to the user namespace, so nothing outside changes and
no rights are needed. ROOT is only read; what the command changes lies in UPPER. The command sees one user, USER_ID,
which is the caller; it and all it started end with this process, and this process with its stdin.
"""

import ctypes
import os
import select
import signal
import sys
from pathlib import Path

# linux/sched.h, linux/mount.h, linux/prctl.h
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWUSER, CLONE_NEWPID = 0x20000, 0x4000000, 0x10000000, 0x20000000
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_SLAVE = 0x2, 0x4, 0x1000, 0x4000, 0x80000
MNT_DETACH = 2
PR_SET_PDEATHSIG = 1
# asm/unistd_64.h of x86, asm-generic/unistd.h
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
# An ELF header: 64 bits, little endian, executable or shared object, EM_AARCH64 (183).
MAGIC = rb"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
MASK = rb"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
BINFMT = "proc/sys/fs/binfmt_misc"
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
LINKS = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
FAILED = 125

libc = ctypes.CDLL(None, use_errno=True)


def call(what: str, result: int) -> None:
    if result != 0:
        raise OSError(f"{what}: {os.strerror(ctypes.get_errno())}")


def mount(source: str, target: str, kind: "str | None" = None, flags: int = 0, data: "str | None" = None) -> None:
    encoded = [text and text.encode() for text in (source, target, kind)]
    call(f"cannot mount {kind or source} on {target}", libc.mount(*encoded, flags, data and data.encode()))


def write(path: str, data: bytes) -> None:
    with Path(path).open("wb", buffering=0) as file:
        file.write(data)


def become(user_id: int, flags: int = 0) -> None:
    """A user namespace of its own, in which the caller is ``user_id`` and nobody else is."""
    uid, gid = os.geteuid(), os.getegid()
    call("no user namespace", libc.unshare(CLONE_NEWUSER | flags))
    write("/proc/self/setgroups", b"deny")
    write("/proc/self/uid_map", b"%d %d 1" % (user_id, uid))
    write("/proc/self/gid_map", b"%d %d 1" % (user_id, gid))


def register(qemu: str) -> None:
    """aarch64 programs are run by ``qemu``, which the kernel opens now (F): the root needs no copy of it."""
    mount("binfmt", "/" + BINFMT, "binfmt_misc")
    write(f"/{BINFMT}/register", b":qemu-aarch64:M::%s:%s:%s:F" % (MAGIC, MASK, qemu.encode()))


def furnish(root: str) -> None:
    """/proc and /dev of its own; the second binfmt_misc keeps the registration alive without the old root."""
    mount("proc", f"{root}/proc", "proc")
    mount("binfmt", f"{root}/{BINFMT}", "binfmt_misc")
    mount("tmpfs", f"{root}/dev", "tmpfs", MS_NOSUID, "mode=755")
    for folder in ("pts", "shm"):
        Path(f"{root}/dev/{folder}").mkdir()
    mount("devpts", f"{root}/dev/pts", "devpts", MS_NOSUID, "newinstance,ptmxmode=0666,mode=620")
    mount("tmpfs", f"{root}/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV)
    mount("tmpfs", f"{root}/tmp", "tmpfs", MS_NOSUID | MS_NODEV)
    for name in DEVICES:
        write(f"{root}/dev/{name}", b"")
        mount(f"/dev/{name}", f"{root}/dev/{name}", None, MS_BIND)
    for name, target in LINKS.items():
        Path(f"{root}/dev/{name}").symlink_to(target)


def pivot(root: str) -> None:
    """``root`` becomes /. Not chroot: what runs in one may not make user namespaces."""
    os.chdir(root)
    call("pivot_root", libc.syscall(PIVOT_ROOT[os.uname().machine], b".", b"."))
    call("umount", libc.umount2(b".", MNT_DETACH))
    os.chdir("/")


def escaped(path: str) -> str:
    """A path as an option of overlayfs, which splits at commas and colons (Documentation/filesystems/overlayfs.rst)."""
    for mark in "\\,:":
        path = path.replace(mark, "\\" + mark)
    return path


def inside(qemu: str, lower: str, upper: str, work: str, user_id: int, command: "list[str]") -> None:
    """As process 1 of the new namespaces: its end is the end of everything in them."""
    call("prctl", libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))
    mount("none", "/", None, MS_REC | MS_SLAVE)
    mount("proc", "/proc", "proc")
    register(qemu)
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    root = work + ".root"
    Path(root).mkdir(exist_ok=True)
    folders = f"lowerdir={escaped(lower)},upperdir={escaped(upper)},workdir={escaped(work)}"
    mount("overlay", root, "overlay", 0, f"{folders},userxattr")
    furnish(root)
    libc.sethostname(b"aarch64", 7)
    pivot(root)
    become(user_id)
    os.execvp(command[0], command)


def main(qemu: str, lower: str, upper: str, work: str, user_id: str, *command: str) -> int:
    # Root first, because only root may write to binfmt_misc's files.
    try:
        become(0, CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWPID)
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    child = os.fork()
    if child == 0:
        try:
            inside(qemu, lower, upper, work, int(user_id), list(command))
        except OSError as error:
            os.write(2, f"{error}\n".encode())
        finally:
            os._exit(FAILED)
    return live_with(child)


def live_with(child: int) -> int:
    """The child's exit code. It ends with our stdin, which the kernel closes when the starter dies, and with us."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os.kill(child, signal.SIGKILL))
    descriptor = os.pidfd_open(child)
    ready, _, _ = select.select([descriptor, 0], [], [])
    if descriptor not in ready:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) & 255


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
