"""Limits are a process's own, so each of these has one."""

import subprocess
import sys

_ASK = """\
import resource, sys
from orchestrator.errors import BadInput
from orchestrator.measure.transports.descriptors import make_room
soft, hard, connections = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
try:
    make_room(connections)
except BadInput as exc:
    print(exc, "|", exc.hint)
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def ask(soft: int, hard: int, connections: int) -> list[str]:
    argv = [sys.executable, "-c", _ASK, *map(str, (soft, hard, connections))]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()


def test_the_soft_limit_is_raised_as_far_as_needed() -> None:
    assert ask(256, 4096, 100) == ["528"]


def test_enough_is_left_as_it_is() -> None:
    assert ask(1024, 4096, 100) == ["1024"]


def test_a_hard_limit_is_told_before_anything_begins() -> None:
    told, soft = ask(256, 512, 1000)
    assert told.startswith("1000 connections at once need 4128 open files, and this process may have 512 | ")
    assert "ulimit -Hn 4128" in told
    assert soft == "256"
