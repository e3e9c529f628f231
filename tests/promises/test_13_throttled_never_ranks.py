"""Promise 13: what throttled, also before the run and only by a latched bit, never ranks, however fast it was."""

from dataclasses import replace

import pytest

from agents.device_facts import DeviceState
from agents.thermal import vcgencmd
from agents.thermal.thermalservice import Thermal
from agents.throttle import throttled_by
from orchestrator.decide.selection.choose import decide
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.objective import Objective
from orchestrator.domain.decision import Decision
from orchestrator.domain.session import Session
from orchestrator.domain.session_verdict import INVALID, judge
from tests.promises.figures import p13
from tests.sessions import SAMPLE_RATE_HZ, STUDY, artifact, candidate, race, score, session

BASE, FAST = candidate(), candidate("onnx:int8-dynamic")


def decided(sessions: list[Session]) -> Decision:
    artifacts = [artifact(), artifact("onnx:int8-dynamic", 210_000)]
    scores = [score(BASE), score(FAST)]
    return decide(STUDY, sessions, artifacts, scores, objective=Objective(), constraints=Constraints())


def before(of: Session, state: DeviceState) -> Session:
    return replace(of, result=replace(of.result, before=state))


def latched() -> list[DeviceState]:
    """Bits 16..19 of a Pi say that it happened since boot; nothing is wrong now. Android: a CPU is held back."""
    bits = [
        vcgencmd.parse_get_throttled(f"throttled={text}\n") for text in ("0x10000", "0x20000", "0x40000", "0x80000")
    ]
    states = [DeviceState(throttled=found != 0, throttled_source=vcgencmd.explain(found)) for found in bits]
    told = throttled_by(Thermal(status=0, temperature_c={}, cpu_cooling={"thermal-cpufreq-6": 1}))
    return [*states, DeviceState(throttled=told[0], throttled_source=told[1])]


def test_the_fast_one_wins_where_nothing_throttled() -> None:
    assert decided(race(BASE) + race(FAST, service_ms=1.0)).winner == FAST.key


@pytest.mark.parametrize("state", latched(), ids=lambda s: s.throttled_source[:40])
def test_one_latched_bit_before_one_session_and_it_never_ranks(state: DeviceState) -> None:
    sessions = race(FAST, service_ms=1.0)
    sessions[-1] = before(sessions[-1], state)
    assert judge(sessions[-1], SAMPLE_RATE_HZ).kind == INVALID
    found = decided(race(BASE) + sessions)
    assert found.winner == BASE.key
    assert found.of(FAST.key).gate == "throttled"
    assert state.throttled_source in found.of(FAST.key).reason


def test_not_even_where_there_is_nobody_else() -> None:
    found = decided([session(FAST, block=b, throttled_before=True) for b in range(4)])
    assert (found.winner, found.verdict) == (None, "infeasible")


def test_a_device_that_was_too_hot_never_ranks_whether_it_still_throttles_or_has_cooled() -> None:
    recovered, still = p13.hot_device(recovered=True), p13.hot_device(recovered=False)
    assert recovered.heat is not None
    assert still.heat is not None
    assert (recovered.heat.throttled, recovered.heat.latched) == (False, True)
    assert (still.heat.throttled, still.heat.latched) == (True, True)
    (row,) = p13.rows(trials=6)
    assert (row.earshot, row.naive) == (0.0, 100.0)
