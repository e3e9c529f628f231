"""Ends what a session left running: a runtime may start processes of its own, in groups and sessions of their own.

While the watchdog lives, every orphan of the session becomes its child. Where the watchdog was killed too, the
session's processes are known by the kernel's session id, and by what they have in their environment.
"""

import contextlib
import json
import os
import signal
import time
from typing import List, Optional, Tuple

from agents import uptime
from agents.clock import prctl

# linux/prctl.h
_PR_SET_CHILD_SUBREAPER = 36
# In the environment of the session and of all that it starts: the session's folder.
MARK = "EARSHOT_SESSION"
# SIGKILL works at once, but not on a process that hangs in a driver.
_PATIENCE_S = 5.0


def adopt_orphans() -> bool:
    """Make this process the parent of every orphan below it; False where the kernel cannot do so."""
    return prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_children(spare: Optional[int]) -> None:
    """Kill and reap all children, those that become ours on the way too, but not ``spare``."""
    give_up_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < give_up_s:
        children = [pid for pid, parent, _, _ in _processes() if parent == os.getpid() and pid != spare]
        if not children:
            return
        for pid in children:
            _kill(pid)
            os.waitpid(pid, os.WNOHANG)
        time.sleep(0.002)


def write_owner(lock_fd: int) -> None:
    """Note in a session's lock file whose it is. Raises OSError where the disk is full."""
    owner = {"boot_id": uptime.now().boot_id, "sid": os.getsid(0)}
    os.pwrite(lock_fd, json.dumps(owner).encode(), 0)


def restarted_since(lock: str) -> bool:
    """True where the device was started anew since the session whose lock file this is began."""
    boot_id, _ = _owner(lock)
    return boot_id is not None and boot_id != uptime.now().boot_id


def end_orphans(lock: str) -> None:
    """Kill what still runs of a session whose watchdog is dead. ``lock``: its lock file, in the session's folder."""
    boot_id, sid = _owner(lock)
    if boot_id is None or boot_id != uptime.now().boot_id:
        return  # Nothing lives on over a restart, and its numbers are others' now.
    mark = f"{MARK}={os.path.dirname(lock)}".encode()
    give_up_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < give_up_s:
        # A living leader would be another session's: ours ended when it had started the watchdog.
        alone = not os.path.exists(f"/proc/{sid}")
        alive = [(pid, session) for pid, _, session, state in _processes() if state not in "ZX"]
        left = [pid for pid, session in alive if (alone and session == sid) or _is_marked(pid, mark)]
        if not left:
            return
        for pid in left:
            _kill(pid)
        time.sleep(0.002)


def _owner(lock: str) -> Tuple[Optional[str], int]:
    try:
        with open(lock, encoding="ascii") as file:
            owner = json.load(file)
        return str(owner["boot_id"]), int(owner["sid"])
    except (OSError, ValueError):
        return None, 0  # The disk was full, or the session never began.


def _processes() -> List[Tuple[int, int, int, str]]:
    """(pid, parent, session, state as proc(5) writes it) of every process that we may see."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as file:
                    state, parent, _, session = file.read().rpartition(")")[2].split()[:4]
            except (OSError, ValueError):
                continue
            found.append((int(name), int(parent), int(session), state))
    return found


def _is_marked(pid: int, mark: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return mark in file.read().split(b"\0")
    except OSError:
        return False


def _kill(pid: int) -> None:
    with contextlib.suppress(OSError):  # It has ended by itself, or is not ours.
        os.kill(pid, signal.SIGKILL)
