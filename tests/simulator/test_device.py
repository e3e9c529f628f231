"""What a simulated device does with work: time, drift, clock, power."""

import numpy as np
import pytest

from agents import wire
from tests.sessions import CHUNK_NS
from tests.simulator.device import S, SimulatedDevice, linear
from tests.simulator.naive import closed_loop
from tests.simulator.power import Draw, Stretch, Trace
from tests.simulator.service import MS
from tests.simulator.session import run_session
from tests.simulator.thermal import Cooling


def test_energy_between_two_moments_is_exact() -> None:
    trace = Trace(Stretch(0, 2.0, 25.0, 1.0))
    trace.append(Stretch(S, 6.0, 26.0, 1.0))
    trace.append(Stretch(3 * S, 2.0, 27.0, 1.0))
    assert trace.energy_j(0, 4 * S) == pytest.approx(2 + 12 + 2)
    assert trace.energy_j(S // 2, 2 * S) == pytest.approx(1 + 6)
    assert trace.energy_j(10 * S, 11 * S) == pytest.approx(2.0)
    assert [trace.at(t).power_w for t in (-S, 0, S - 1, S, 3 * S)] == [2.0, 2.0, 2.0, 6.0, 2.0]


def test_a_session_draws_what_its_chunks_and_its_pacer_cost() -> None:
    device = SimulatedDevice(draw=Draw(idle_w=2.0, busy_w=4.0))
    costs = np.full(500, 5 * MS)
    times = run_session(device, costs).arrays["t_ns"]
    assert device.trace is not None
    begin_ns, end_ns = int(times[0, wire.ARRIVAL]), int(times[-1, wire.DONE])
    spun_s = 499 * 200_000 / 1e9
    expected_j = 2.0 * (end_ns - begin_ns) / S + 4.0 * (500 * 5e-3 + spun_s)
    assert device.trace.energy_j(begin_ns, end_ns) == pytest.approx(expected_j, rel=1e-9)


def test_a_lower_clock_takes_longer_and_draws_with_its_cube() -> None:
    cooling = Cooling(trip_c=26.0, slowed=0.5)
    device = SimulatedDevice(cooling=cooling, draw=Draw(1.0, 8.0))
    device.compute(10 * S)
    assert device.clock_share == 0.5
    begin_ns = device.time_ns
    device.compute(S)
    assert device.time_ns - begin_ns == 2 * S
    assert device.trace is not None
    assert device.trace.energy_j(begin_ns, device.time_ns) == pytest.approx(2 * (1.0 + 8.0 / 8))


def test_drift_makes_the_same_work_slower() -> None:
    device = SimulatedDevice(drift=linear(0.10, over_s=100.0))
    device.rest(50.0)
    begin_ns = device.time_ns
    device.compute(S)
    assert device.time_ns - begin_ns == round(1.05 * S)
    device.rest(1000.0)
    begin_ns = device.time_ns
    device.compute(S)
    assert device.time_ns - begin_ns == round(1.10 * S)


def test_a_wait_ends_late_by_its_number_and_only_lies_ahead() -> None:
    device = SimulatedDevice(wake_late_ns=lambda wait: 1000 * wait)
    for number in range(3):
        deadline_ns = device.time_ns + MS
        device.wait_until(deadline_ns, 0)
        assert device.time_ns - deadline_ns == 1000 * number
    with pytest.raises(ValueError, match="ends ahead"):
        device.wait_until(device.time_ns, 0)


def test_the_time_of_day_is_set_and_the_monotonic_clock_is_not() -> None:
    device = SimulatedDevice()
    device.clock_step_s, device.step_at_ns = 3600.0, device.time_ns + S
    before_s, before_ns = device.wall_s(), device.now_ns()
    device.rest(2.0)
    assert device.wall_s() - before_s == pytest.approx(3602.0)
    assert device.now_ns() - before_ns == 2 * S


def test_a_closed_loop_never_sees_who_waits() -> None:
    costs = [5 * MS, 65 * MS, 5 * MS, 5 * MS]
    calls = closed_loop(SimulatedDevice(), costs, CHUNK_NS)
    assert (calls[:, 1] - calls[:, 0]).tolist() == costs
    # After the stall it goes on at once, and all later chunks come 45 ms later than their audio.
    assert (calls[:, 0] - calls[0, 0]).tolist() == [0, 20 * MS, 85 * MS, 105 * MS]
