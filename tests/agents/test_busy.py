"""Children that keep cores busy: they work, they end, and they never outlive who started them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from agents.busy import end_busy, start_busy
from tests.agents.device import REPOSITORY


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def waited(condition: Callable[[], bool], give_up_s: float = 20.0) -> bool:
    until = time.monotonic() + give_up_s
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return condition()


def test_they_work_until_they_are_ended() -> None:
    pids = start_busy(2)
    try:
        assert len(set(pids)) == 2
        assert waited(lambda: all(cpu_ticks(pid) > 5 for pid in pids))
    finally:
        end_busy(pids)
    assert not any(lives(pid) for pid in pids)


def test_they_keep_no_pipe_open_and_end_with_their_parent() -> None:
    """A sampler ends when a pipe's other end is closed: a child that held it open would keep it for ever."""
    code = (
        "import os, sys, time; from agents.busy import start_busy; read, write = os.pipe();"
        "pids = start_busy(2); os.close(write); end = os.read(read, 1);"
        "print(end == b'', *pids, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    closed, *pids = parent.stdout.readline().split()
    assert closed == "True"
    assert all(lives(int(pid)) for pid in pids)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert waited(lambda: not any(lives(int(pid)) for pid in pids))
