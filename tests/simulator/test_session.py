"""A session on a hot device, through the agent's sampler and the controller's figures, against the physics."""

import numpy as np
import pytest

from orchestrator.domain.energy import drawn, idle_power
from orchestrator.domain.session import IDLE, Session
from orchestrator.domain.session_verdict import INVALID, VALID, judge
from orchestrator.domain.sustained import sustained
from tests.metered import idle_candidate
from tests.sessions import CHUNK_NS, SAMPLE_RATE_HZ, candidate
from tests.simulator.device import FULL_CLOCK_HZ, SimulatedDevice
from tests.simulator.power import Draw
from tests.simulator.service import MS, Service
from tests.simulator.session import Asked, run_session
from tests.simulator.thermal import Cooling

MINUTES_15 = 15 * 60 * 1000 // 20
# A chunk is computed for 12 ms of 20, and the pacer spins for 0.2: 2 + 0.61 x 6 W lead towards 92.9 C.
DRAW = Draw(2.0, 6.0)
COOLING = Cooling(resistance_c_per_w=12.0, time_constant_s=180.0, trip_c=80.0, hysteresis_c=40.0, slowed=0.75)
SERVICE = Service(12.0, noise=0.02, correlation=0.5)


def mean_w() -> float:
    return DRAW.idle_w + DRAW.busy_w * (12.0 * MS * np.exp(0.02**2 / 2) + 200_000) / CHUNK_NS


def test_the_knee_the_time_to_throttle_and_the_ratio_are_those_of_the_physics() -> None:
    device = SimulatedDevice(cooling=COOLING, draw=DRAW)
    session = run_session(device, SERVICE.costs_ns(np.random.default_rng(0), MINUTES_15), Asked(sampler_hz=10.0))
    truth_s = COOLING.seconds_to(COOLING.trip_c, mean_w())
    found = sustained(session, SAMPLE_RATE_HZ)
    assert 200 < truth_s < 600
    assert found.knee_s == pytest.approx(truth_s, abs=3.0)
    assert found.throttled_s == pytest.approx(truth_s, abs=3.0)
    assert found.ratio == pytest.approx(1 / COOLING.slowed, rel=0.01)
    assert len(found.minutes) == 15
    verdict = judge(session, SAMPLE_RATE_HZ)
    assert verdict.kind == INVALID
    assert "since boot: throttled" in verdict.reasons[0]


def test_a_cool_device_has_no_knee() -> None:
    device = SimulatedDevice(cooling=COOLING, draw=Draw(2.0, 3.0))
    session = run_session(device, SERVICE.costs_ns(np.random.default_rng(0), MINUTES_15 // 4), Asked(sampler_hz=10.0))
    found = sustained(session, SAMPLE_RATE_HZ)
    assert (found.knee_s, found.throttled_s, found.clock_read) == (None, None, True)
    assert judge(session, SAMPLE_RATE_HZ).kind == VALID


def test_the_sampler_sees_what_the_device_was_at_that_time() -> None:
    device = SimulatedDevice(cooling=COOLING, draw=DRAW)
    session = run_session(device, [12 * MS] * 1500, Asked(sampler_hz=10.0, seed=3))
    t_ns, seen_c = session.arrays["sample_t_ns"], session.arrays["sample_temperature_c__soc"]
    # From a second before the stream to one after it, jittered.
    assert len(t_ns) == pytest.approx(320, rel=0.1)
    assert np.diff(t_ns).min() >= 50 * MS
    assert np.diff(t_ns).max() <= 150 * MS
    streaming = (t_ns > device.start_ns + CHUNK_NS) & (t_ns < device.time_ns)
    since_s = (t_ns[streaming] - device.start_ns - CHUNK_NS) / 1e9
    power_w = DRAW.idle_w + DRAW.busy_w * 12.2 / 20
    assert seen_c[streaming] == pytest.approx([COOLING.after_c(25.0, power_w, s) for s in since_s], abs=0.05)
    assert (session.arrays["sample_frequency_hz__policy0"] == FULL_CLOCK_HZ).all()
    assert set(session.arrays["sample_power_w__ina3221.VDD_IN"]) == {2.0, 8.0}


def test_without_sensors_there_are_no_series_and_a_reason() -> None:
    session = run_session(SimulatedDevice(cooling=COOLING), [MS] * 100, Asked(sampler_hz=10.0))
    assert "sample_temperature_c__soc" in session.arrays
    assert not [name for name in session.arrays if "power" in name]
    assert session.result.sensors_absent == {"power": "no power sensor on this device"}


def test_net_energy_is_what_the_model_draws() -> None:
    device = SimulatedDevice(draw=Draw(2.0, 4.0))
    idle = [_idle(device, 0)]
    session = run_session(device, [6 * MS] * 15_000, Asked(sampler_hz=10.0))
    idle.append(_idle(device, 1))
    found = drawn(session, session.timeline(SAMPLE_RATE_HZ))
    baseline = idle_power(idle, SAMPLE_RATE_HZ)
    uncertainty_mj = found.net_uncertainty_mj(baseline)
    # 6 ms of each 20 at 4 W: 1.2 W beyond the device with its pacer.
    assert found.net_mj_per_audio_s(baseline) == pytest.approx(1200.0, abs=3 * uncertainty_mj)
    assert uncertainty_mj < 50.0


def _idle(device: SimulatedDevice, block: int) -> Session:
    return run_session(device, [0] * 3000, Asked(idle_candidate(), IDLE, block, sampler_hz=10.0, seed=block))


def test_a_policy_and_a_trace_reach_the_loop() -> None:
    costs = [MS, 55 * MS, *[MS] * 8]
    dropped = run_session(SimulatedDevice(), costs, Asked(policy="drop-oldest", ring_chunks=1))
    assert (dropped.result.policy, dropped.result.dropped) == ("drop-oldest", 1)
    traced = run_session(SimulatedDevice(), costs, Asked(arrival_offsets_ns=(0, 3 * MS)))
    assert traced.result.traced
    assert np.diff(traced.arrays["t_ns"][:, 0]).tolist() == [23 * MS, 17 * MS] * 4 + [23 * MS]


def test_flat_out_has_no_gap_between_chunks() -> None:
    session = run_session(SimulatedDevice(), [3 * MS] * 50, Asked(candidate(), "flat-out"))
    found = session.timeline(SAMPLE_RATE_HZ)
    assert not found.paced
    assert found.rtf == pytest.approx(3 / 20)
