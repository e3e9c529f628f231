"""The energy of a decision: net of the idle power, with its interval; absent with its reason, and then no winner."""

import math
from dataclasses import replace

import numpy as np
import pytest

from agents.device_facts import DeviceState, SensorCalibration, SensorProbe
from orchestrator.decide.selection.choose import decide
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.evidence import gather
from orchestrator.decide.selection.objective import Objective
from orchestrator.decide.selection.policy import Policy
from orchestrator.decide.selection.verify import verify
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.decision import Decision, Estimate
from orchestrator.domain.session import VERIFY_BLOCK, Session
from tests.metered import BOARD, PACKAGE, busy_power, idle_session, sampled
from tests.sessions import STUDY, artifact, candidate, race, score, session

BASE, SMALL = candidate(), candidate("onnx:int8-dynamic")
ENERGY = "energy_mj_per_audio_s"


def metered_race(of: Candidate, busy_w: float, *, service_ms: float = 8.0, probe: SensorProbe = BOARD) -> list[Session]:
    """4 paced blocks of 100 s; a chunk of 20 ms costs ``service_ms`` at ``busy_w`` above idle."""
    made = []
    for number, one in enumerate(race(of, service_ms=service_ms, chunks=5000)):
        has_times = "t_ns" in one.arrays
        made.append(
            sampled(one, busy_power(one.arrays["t_ns"], busy_w), probe=probe, seed=number) if has_times else one
        )
    return made


def energy(sessions: list[Session]) -> Estimate:
    return gather(sessions, [artifact()], [score(BASE)], Policy())[0].metrics[ENERGY]


@pytest.mark.parametrize("probe", [BOARD, PACKAGE])
def test_net_energy_is_what_the_model_draws_above_idle(probe: SensorProbe) -> None:
    found = energy([idle_session(0, probe=probe), *metered_race(BASE, 3.0, probe=probe), idle_session(1, probe=probe)])
    # 8 ms at 3 W of each 20 ms: 1.2 W, so 1200 mJ per second of audio.
    assert found.value == pytest.approx(1200, rel=0.02)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 1200 < found.high
    assert found.n == 4
    assert "above the idle 2 W" in str(found.reason)
    assert probe.name in str(found.reason)
    assert f"of the {probe.scope}" in str(found.reason)
    assert "not calibrated" in str(found.reason)


def test_a_drift_of_the_idle_power_widens_the_interval_and_more_runs_do_not_narrow_it() -> None:
    race_ = metered_race(BASE, 3.0)
    still = energy([idle_session(0), *race_, idle_session(1)])
    drifted = energy([idle_session(0, idle_w=1.9), *race_, idle_session(1, idle_w=2.1)])
    assert still.value == pytest.approx(drifted.value)
    assert drifted.high is not None
    assert drifted.value is not None
    # Half of the drift of 0.2 W is 100 mJ per second of audio, for 95 % twice that.
    assert drifted.high - drifted.value > 190


def test_idle_sessions_are_no_candidates() -> None:
    (found,) = gather([idle_session(0), *metered_race(BASE, 3.0)], [artifact()], [score(BASE)], Policy())
    assert found.candidate == BASE


def test_one_session_without_readings_leaves_no_energy() -> None:
    race_ = metered_race(BASE, 3.0)
    name = "sample_power_w__ina3221.VDD_IN"
    race_[-1].arrays[name] = np.full_like(race_[-1].arrays[name], math.nan)
    found = energy([idle_session(0), *race_])
    assert found.value is None
    assert found.reason == "1 of 4 sessions: ina3221.VDD_IN is known for 0 s of 100 s only"


def test_another_sensor_in_the_idle_session_is_no_baseline() -> None:
    found = energy([idle_session(0, probe=PACKAGE), *metered_race(BASE, 3.0)])
    assert found.value is None
    assert "read by ina3221.VDD_IN and rapl.0.package-0" in str(found.reason)


def test_idle_that_was_calibrated_otherwise_is_no_baseline() -> None:
    line = SensorCalibration(1.1, 0.2, 0.01, 1.0, 8.0, "a meter", "2026-01-01T00:00:00+00:00")
    calibrated = replace(BOARD, calibration=line, calibrated=True)
    found = energy([idle_session(0), *metered_race(BASE, 3.0, probe=calibrated)])
    assert found.value is None
    both = energy([idle_session(0, probe=calibrated), *metered_race(BASE, 3.0, probe=calibrated)])
    # The offset is in both and cancels.
    assert both.value == pytest.approx(1.1 * 1200, rel=0.02)
    assert "calibrated against a meter on 2026-01-01" in str(both.reason)


def test_a_device_that_was_busy_or_hot_is_no_baseline() -> None:
    idle, race_ = idle_session(0), metered_race(BASE, 3.0)
    for state, said in (
        (DeviceState(background_cpu_share=0.7), "something else used 70 % of all cores"),
        (DeviceState(throttled=True, throttled_source="0x4"), "throttled after it (0x4)"),
    ):
        busy = replace(idle, result=replace(idle.result, after=state))
        found = energy([busy, *race_])
        assert found.value is None
        assert found.reason is not None
        assert found.reason.startswith("the idle session was not idle: ")
        assert said in found.reason


def decided(sessions: list[Session], objective: str = "latency", **limits: float) -> Decision:
    scores = [score(BASE), score(SMALL)]
    return decide(
        STUDY,
        sessions,
        [artifact(), artifact("onnx:int8-dynamic")],
        scores,
        objective=Objective(objective),
        constraints=Constraints(**limits),
    )


def test_the_one_that_draws_less_wins_on_energy() -> None:
    sessions = [idle_session(0), *metered_race(BASE, 3.0), *metered_race(SMALL, 2.0, service_ms=4.0), idle_session(1)]
    found = decided(sessions, "energy", max_energy_mj=600)
    assert found.winner == SMALL.key
    assert found.gain.value == pytest.approx(3.0, rel=0.05)
    assert found.of(BASE.key).gate == "max_energy_mj"
    fresh = [
        sampled(one, busy_power(one.arrays["t_ns"], 2.0), seed=90 + block)
        for block in range(3)
        for one in [session(SMALL, block=VERIFY_BLOCK + block, service_ms=4.0, chunks=5000)]
    ]
    checked = verify(found, [idle_session(0), *fresh], artifact("onnx:int8-dynamic"))
    assert checked.passed, checked.reason
    assert checked.measured.value == pytest.approx(400, rel=0.12)
    unknown = verify(found, fresh, artifact("onnx:int8-dynamic"))
    assert not unknown.passed


@pytest.mark.parametrize("with_idle", [False, True])
def test_a_limit_on_energy_fails_closed_where_there_is_none(with_idle: bool) -> None:
    sensorless = race(BASE) + race(SMALL, service_ms=1.0)
    found = decided([*([idle_session(0)] if with_idle else []), *sensorless], max_energy_mj=1e9)
    assert found.verdict == "infeasible"
    assert {verdict.gate for verdict in found.candidates} == {"max_energy_mj"}
    assert all(verdict.metrics[ENERGY].value is None for verdict in found.candidates)
    assert all("no power sensor on this device" in verdict.reason for verdict in found.candidates)


def test_energy_as_objective_without_a_sensor_has_no_winner() -> None:
    found = decided(race(BASE) + race(SMALL, service_ms=1.0), "energy")
    assert found.verdict == "infeasible"
    assert {verdict.gate for verdict in found.candidates} == {"unmeasured"}
