"""Leases in the ledger: one holder at a time, whoever races, dies or sets the clock."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from agents.uptime import Moment
from orchestrator.domain.lease import Lease
from orchestrator.ledger import leases
from orchestrator.ledger.ledger import Ledger

pytestmark = pytest.mark.usefixtures("both_stores")

ROOT = Path(__file__).parents[3]
START = Moment("boot", 1000.0, 1.7e9)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def wanted(holder: str = "alice@one:1", device: str = "pi5", at: Moment = START, process: str | None = "p") -> Lease:
    return Lease(device, f"of-{holder}", 1, holder, process, "test", "2026-11-21T04:00:00Z", at)


def later(seconds: float, *, step_s: float = 0.0) -> Moment:
    return Moment(START.boot_id, START.uptime_s + seconds, START.utc_s + seconds + step_s)


def alive(process: str) -> bool:
    """``gone`` of a machine where everybody lives."""
    return False


def test_one_holder_at_a_time_and_tokens_that_grow(path: Path) -> None:
    with Ledger.open(path) as ledger:
        first = leases.acquire(ledger, wanted("a"), START, alive)
        assert (first.granted, first.lease.token, first.before) == (True, 1, None)
        refused = leases.acquire(ledger, wanted("b"), later(10), alive)
        assert (refused.granted, refused.lease) == (False, first.lease)
        assert leases.release(ledger, first.lease)
        assert not leases.release(ledger, first.lease)
        second = leases.acquire(ledger, wanted("b"), later(10), alive)
        assert (second.granted, second.lease.token) == (True, 2)
        assert leases.acquire(ledger, wanted("c", device="pi4"), START, alive).lease.token == 1
        assert set(leases.leases(ledger)) == {"pi5", "pi4"}


def test_a_silent_lease_expires_and_its_holder_is_told(path: Path) -> None:
    with Ledger.open(path) as ledger:
        first = leases.acquire(ledger, wanted("a"), START, alive).lease
        assert leases.beat(ledger, first, later(50))
        assert not leases.acquire(ledger, wanted("b"), later(109), alive).granted
        assert leases.acquire(ledger, wanted("b"), later(111), alive).granted
        assert not leases.beat(ledger, first, later(112))
        assert not leases.granted_on_device(ledger, first, 9)


@pytest.mark.parametrize("step_s", [3600.0, -3600.0])
def test_setting_the_clock_ends_no_lease_and_prolongs_none(path: Path, step_s: float) -> None:
    with Ledger.open(path) as ledger:
        leases.acquire(ledger, wanted("a"), START, alive)
        assert not leases.acquire(ledger, wanted("b"), later(59, step_s=step_s), alive).granted
        assert leases.acquire(ledger, wanted("b"), later(61, step_s=step_s), alive).granted


def test_across_a_restart_the_time_of_day_counts_but_never_less_than_the_time_since(path: Path) -> None:
    hand = replace(wanted("a", process=None), ttl_s=7200.0)
    with Ledger.open(path) as ledger:
        leases.acquire(ledger, hand, START, alive)
        for seconds, granted in ((100.0, False), (7300.0, True)):
            assert hand.holds(Moment("next", 30.0, START.utc_s + seconds)) is not granted
        wrong_clock = Moment("next", 7300.0, START.utc_s - 1e6)
        assert leases.acquire(ledger, wanted("b"), wrong_clock, alive).granted


def test_who_had_to_wait_for_the_lock_does_not_mistake_the_winner_for_one_of_another_start(path: Path) -> None:
    with Ledger.open(path) as ledger:
        assert leases.acquire(ledger, wanted("a", at=later(0.5)), later(0.5), alive).granted
        assert not leases.acquire(ledger, wanted("b"), START, alive).granted


def test_a_holder_that_is_known_to_be_gone_need_not_be_waited_for(path: Path) -> None:
    with Ledger.open(path) as ledger:
        leases.acquire(ledger, wanted("a", process="dead"), START, alive)
        assert leases.acquire(ledger, wanted("b"), later(1), lambda process: process == "dead").granted


def test_force_takes_it(path: Path) -> None:
    with Ledger.open(path) as ledger:
        first = leases.acquire(ledger, wanted("a"), START, alive).lease
        assert leases.acquire(ledger, wanted("b"), later(1), alive, force=True).granted
        assert not leases.beat(ledger, first, later(2))


def test_what_the_device_knows_outlives_leases_that_never_reached_it(path: Path) -> None:
    with Ledger.open(path) as ledger:
        first = leases.acquire(ledger, wanted("a"), START, alive).lease
        assert leases.granted_on_device(ledger, first, 17)
        leases.release(ledger, first)
        unreached = leases.acquire(ledger, wanted("b"), later(1), alive).lease
        leases.release(ledger, unreached)
        third = leases.acquire(ledger, wanted("c"), later(2), alive).lease
        assert (third.token, third.on_device) == (19, (first.lease_id, unreached.lease_id))


RACER = """
import os, sys, time
from pathlib import Path
from orchestrator.ledger import leases
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.lab.lease import take
from orchestrator.errors import DeviceHeld

ledger_path, marker, rounds = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
won = 0
with Ledger.open(ledger_path) as ledger:
    while won < rounds:
        try:
            lease = take(ledger, "pi5", "race")
        except DeviceHeld:
            time.sleep(0.001)
            continue
        # Fails where somebody else is inside.
        fd = os.open(marker, os.O_CREAT | os.O_EXCL)
        os.close(fd)
        marker.unlink()
        assert leases.release(ledger, lease)
        won += 1
        print(lease.token, flush=True)
"""


def racer(path: Path, rounds: int) -> "subprocess.Popen[str]":
    argv = [sys.executable, "-c", RACER, str(path), str(path.parent / "inside"), str(rounds)]
    return subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_processes_that_race_for_a_device_are_never_inside_together(path: Path) -> None:
    rounds = 100
    racers = [racer(path, rounds) for _ in range(3)]
    ended = [process.communicate(timeout=120) for process in racers]
    assert [process.returncode for process in racers] == [0, 0, 0], ended
    tokens = sorted(int(line) for stdout, _ in ended for line in stdout.split())
    assert tokens == list(range(1, 3 * rounds + 1))


HOLDER = """
import sys, time
from pathlib import Path
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.lab.lease import take

with Ledger.open(Path(sys.argv[1])) as ledger:
    take(ledger, "pi5", "to be killed")
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("reaped", [True, False])
def test_kill_9_of_the_holder_frees_the_device_at_once(path: Path, reaped: bool) -> None:
    from orchestrator.errors import DeviceHeld
    from orchestrator.measure.lab.lease import take

    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with Ledger.open(path) as ledger:
        with pytest.raises(DeviceHeld, match="to be killed"):
            take(ledger, "pi5", "test")
        os.kill(holder.pid, signal.SIGKILL)
        if reaped:
            holder.wait()
        give_up_s = time.monotonic() + 30
        while "Z" not in _state(holder.pid) and not reaped and time.monotonic() < give_up_s:
            time.sleep(0.01)
        assert take(ledger, "pi5", "test").token == 2
    holder.wait()
    holder.stdout.close()


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] if Path(f"/proc/{pid}").exists() else "Z"
