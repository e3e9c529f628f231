"""Promise 1: latency counts from the intended arrival, so that a stall is in the latency of all that waited for it."""

import numpy as np

from agents import wire
from orchestrator.domain.timeline import Timeline
from orchestrator.statistics.percentiles import percentile
from tests.promises.figures import p01
from tests.sessions import CHUNK_NS, SAMPLE_RATE_HZ
from tests.simulator.device import SimulatedDevice
from tests.simulator.naive import closed_loop
from tests.simulator.service import MS
from tests.simulator.session import Costs, run_session


def paced(costs_ns: Costs) -> Timeline:
    return run_session(SimulatedDevice(), costs_ns).timeline(SAMPLE_RATE_HZ)


def test_a_stall_is_in_every_latency_that_it_made() -> None:
    costs = [6 * MS] * 12
    costs[2] = 70 * MS
    # 70 ms; each later chunk arrives 20 ms later and takes 6.
    expected = [6 * MS, 6 * MS, 70 * MS, 56 * MS, 42 * MS, 28 * MS, 14 * MS, *[6 * MS] * 5]
    assert paced(costs).latency_ns.tolist() == expected


def test_exact_latencies_under_many_stalls() -> None:
    costs = p01.SERVICE.costs_ns(np.random.default_rng(3), 6000).tolist()
    latency, waited = [], 0
    for one in costs:
        latency.append(waited + one)
        waited = max(0, latency[-1] - CHUNK_NS)
    assert paced(costs).latency_ns.tolist() == latency


def test_a_closed_loop_says_8_ms_where_a_listener_waits_200() -> None:
    """The example of docs/measurement.md, ten minutes of it, and its row in the table of promises."""
    costs = p01.SERVICE.costs_ns(np.random.default_rng(0), p01.CHUNKS)
    found = paced(costs)
    calls = np.diff(closed_loop(SimulatedDevice(), costs, CHUNK_NS))[:, 0]
    true, naive = percentile(found.latency_ns / MS, 0.99), percentile(calls / MS, 0.99)
    assert naive.low is not None
    assert naive.high is not None
    assert naive.low - 0.1 <= 8.5 <= naive.high + 0.1
    assert true.low is not None
    assert true.high is not None
    assert 150 < true.low <= 204 <= true.high < 250
    # It is the same session: the closed loop's figure is what the agent calls service time.
    assert np.array_equal(found.t_ns[:, wire.DONE] - found.t_ns[:, wire.ISSUE], calls)
    (row,) = p01.rows()
    assert row.bound.holds(row.earshot)
    assert not row.bound.holds(row.naive)
