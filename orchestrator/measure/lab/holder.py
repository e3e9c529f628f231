"""Who this process is, and whether another one has ended, told so that no process can be taken for another."""

import getpass
import os
import socket
from pathlib import Path

from agents import uptime

_PROC = Path("/proc")
# Fields of /proc/PID/stat after the name, from proc(5): state is the third of the line, starttime the 22nd.
_STATE, _START = 0, 19


def person() -> str:
    """user@host"""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())  # A container's user may have no name.
    return f"{user}@{socket.gethostname()}"


def holder() -> str:
    """user@host:pid of this process."""
    return f"{person()}:{os.getpid()}"


def this_process() -> str | None:
    """The machine's start, the pid namespace, pid and start time of this process; None where /proc does not tell."""
    stat = _stat(os.getpid())
    boot_id = uptime.now().boot_id
    return f"{boot_id} {_namespace()} {os.getpid()} {stat[_START]}" if stat and boot_id else None


def gone(process: str) -> bool:
    """True only where the process is known to have ended: one of another machine or container cannot be seen here."""
    boot_id, namespace, pid, start = process.split()
    if boot_id != uptime.now().boot_id or namespace != _namespace():
        return False
    stat = _stat(int(pid))
    return stat is None or stat[_START] != start or stat[_STATE] in "ZX"


def _stat(pid: int) -> list[str] | None:
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _namespace() -> str:
    try:
        return str((_PROC / "self" / "ns" / "pid").readlink())
    except OSError:
        return "-"
