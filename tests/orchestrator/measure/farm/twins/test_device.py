"""A twin: one session at a time under the newest lease, found again by whoever comes next, the same in any process."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agents import wire
from orchestrator.domain.session import PlannedSession
from orchestrator.errors import LeaseLost, Unreachable
from orchestrator.measure.farm.twins import nouns
from orchestrator.measure.farm.twins.audit import audit
from orchestrator.measure.farm.twins.body import KINDS, Faults, generator, twin
from orchestrator.measure.farm.twins.device import FAILURE, TwinDevice, World
from orchestrator.measure.farm.twins.journal import Journal, Run, read_runs
from orchestrator.measure.farm.twins.stream import streamed

NEVER = Faults(0.0, 0.0)
WORK = nouns.workload(0, 2.0)
CANDIDATE = nouns.candidate(nouns.artifact("twin-model-000"))


def _world(folder: Path, faults: Faults = NEVER, speed: float = 200.0) -> World:
    return World(folder, 1, speed, faults)


def _planned(block: int = 0) -> PlannedSession:
    return PlannedSession("study", "twin-1", CANDIDATE, "paced", block, 0, WORK.chunks)


def _wait(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def _asked_to_end(seconds: float) -> bool:
    return True


def test_a_session_takes_its_time_and_hands_in_arrays_that_the_ledgers_nouns_accept(tmp_path: Path) -> None:
    began_s = time.monotonic()
    session = TwinDevice(_world(tmp_path), "twin-1").run(_planned(), WORK, 1, _wait)
    passed_s = time.monotonic() - began_s
    assert session is not None
    assert session.ok
    assert passed_s >= session.duration_s / 200.0
    assert session.duration_s > 2.0
    times = session.timeline(nouns.RATE_HZ)
    assert len(times) == WORK.chunks
    power = session.arrays["sample_power_w__board"]
    assert session.times_of("board.power", len(power)) is not None
    assert np.isfinite(power).all()


def test_nothing_of_a_twin_can_rank(tmp_path: Path) -> None:
    session = TwinDevice(_world(tmp_path), "twin-1").run(_planned(), WORK, 1, _wait)
    assert session is not None
    assert session.emulated == nouns.SIMULATED


def test_who_comes_again_finds_the_session_that_runs_there(tmp_path: Path) -> None:
    world = _world(tmp_path)
    assert TwinDevice(world, "twin-1").run(_planned(), WORK, 1, _asked_to_end) is None
    again = TwinDevice(world, "twin-1").run(_planned(), WORK, 2, _wait)
    once_more = TwinDevice(world, "twin-1").run(_planned(), WORK, 2, _wait)
    assert again is not None
    assert once_more is not None
    assert np.array_equal(again.arrays["t_ns"], once_more.arrays["t_ns"])
    assert len(read_runs(world.journal_of("twin-1"))) == 1


def test_an_older_lease_is_refused_and_a_newer_one_ends_what_runs(tmp_path: Path) -> None:
    world = _world(tmp_path, speed=1.0)
    device = TwinDevice(world, "twin-1")
    device.run(_planned(0), WORK, 3, _asked_to_end)
    with pytest.raises(LeaseLost, match="newer lease than 2: 3"):
        device.run(_planned(1), WORK, 2, _wait)
    device.run(_planned(1), WORK, 4, _asked_to_end)
    first, second = read_runs(world.journal_of("twin-1"))
    assert first.cut_s is not None
    assert first.cut_s <= second.begin_s
    found = audit(world, {"twin-1": [_planned(0).session_id, _planned(1).session_id]})
    assert found.cut == 1
    assert found.faults == (f"twin-1: session {_planned(0).session_id} ran 0 times",)


def test_a_way_that_is_lost_comes_back_and_the_session_is_there(tmp_path: Path) -> None:
    world = _world(tmp_path, Faults(0.0, 1.0, (400.0, 400.0)))
    device = TwinDevice(world, "twin-1")
    with pytest.raises(Unreachable, match="was lost during session"):
        device.run(_planned(), WORK, 1, _wait)
    with pytest.raises(Unreachable, match="does not answer"):
        device.run(_planned(1), WORK, 1, _wait)
    (run,) = read_runs(world.journal_of("twin-1"))
    assert run.back_s is not None
    time.sleep(max(0.0, run.back_s - time.monotonic()))
    assert device.run(_planned(), WORK, 1, _wait) is not None
    found = audit(world, {"twin-1": [_planned().session_id]})
    assert found.faults == ()
    assert found.days["twin-1"].work_s >= run.back_s - run.begin_s


def test_a_session_that_fails_is_one_too(tmp_path: Path) -> None:
    session = TwinDevice(_world(tmp_path, Faults(1.0, 0.0)), "twin-1").run(_planned(), WORK, 1, _wait)
    assert session is not None
    assert session.result == wire.RunResult(
        **{**vars(session.result), "outcome": "failed", "failure": "inference", "reason": FAILURE}
    )
    assert session.arrays == {}


@pytest.mark.parametrize(("speed", "rested"), [(1e-6, False), (1e9, True)])
def test_a_twin_cools_when_it_rests(tmp_path: Path, speed: float, rested: bool) -> None:
    """Its time passes as fast as ``speed`` says: of the same moment, nothing or years."""
    world = _world(tmp_path, speed=speed)
    now_s = time.monotonic()
    _written(world, Run("before", 1, now_s - 1.0, now_s - 0.5, 40.0, 70.0))
    TwinDevice(world, "twin-1").run(_planned(), WORK, 1, _asked_to_end)
    run = read_runs(world.journal_of("twin-1"))[-1]
    idle_c = twin("twin-1", world.seed).steady_c(twin("twin-1", world.seed).kind.idle_w)
    assert run.from_c == pytest.approx(idle_c if rested else 70.0, abs=0.01)


def test_work_warms_a_twin_and_the_hottest_take_longer(tmp_path: Path) -> None:
    hot = replace(twin("twin-1", 0), kind=replace(KINDS[3], trip_c=60.0))
    cool = replace(hot, kind=replace(hot.kind, trip_c=200.0))
    from_c, work = hot.steady_c(hot.kind.idle_w), replace(WORK, service_ms=25.0, chunks=2000)
    throttled, free = (streamed(each, work, from_c, generator(0, "same")) for each in (hot, cool))
    assert throttled.throttled
    assert not free.throttled
    assert free.after_c > from_c
    assert throttled.duration_s > 1.2 * free.duration_s
    assert throttled.arrays["sample_frequency_hz__policy0"].min() < free.arrays["sample_frequency_hz__policy0"].min()


def _written(world: World, *runs: Run) -> None:
    for run in runs:
        with Journal(world.journal_of("twin-1")).opened() as journal:
            journal.append(run)


def test_the_audit_sees_what_ran_twice_beside_another_or_unplanned(tmp_path: Path) -> None:
    world = _world(tmp_path)
    _written(
        world,
        Run("a", 1, 0.0, 10.0, 30.0, 31.0),
        Run("b", 1, 9.0, 12.0, 30.0, 31.0),
        Run("a", 1, 13.0, 14.0, 30.0, 31.0),
        Run("ghost", 1, 15.0, 16.0, 30.0, 31.0),
    )
    found = audit(world, {"twin-1": ["a", "b", "c"]})
    assert found.fault_count == 4
    assert set(found.faults) == {
        "twin-1: session a ran 2 times",
        "twin-1: session c ran 0 times",
        "twin-1: session ghost ran here and was not planned here",
        "twin-1: session b began before a had ended",
    }


def test_gaps_are_what_lies_between_two_sessions(tmp_path: Path) -> None:
    world = _world(tmp_path)
    _written(world, Run("a", 1, 0.0, 10.0, 30.0, 31.0), Run("b", 1, 10.25, 12.0, 30.0, 31.0))
    day = audit(world, {"twin-1": ["a", "b"]}).days["twin-1"]
    assert day.gaps_s.tolist() == [0.25]
    assert day.work_s == pytest.approx(11.75)
