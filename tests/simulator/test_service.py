"""Service times are those that were asked for, and a session's latencies are those of the queue in closed form."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sessions import CHUNK_NS, SAMPLE_RATE_HZ
from tests.simulator.device import SimulatedDevice
from tests.simulator.service import MS, Service, latency_ns
from tests.simulator.session import run_session

N = 20_000


def logs(service: Service, seed: int = 0) -> np.ndarray:
    return np.log(service.costs_ns(np.random.default_rng(seed), N) / MS)


def test_median_noise_and_correlation_are_those_asked_for() -> None:
    found = logs(Service(5.0, noise=0.1, correlation=0.8))
    # 20000 chunks of correlation 0.8 are worth 2200 independent ones.
    assert np.median(found) == pytest.approx(np.log(5.0), abs=0.01)
    assert found.std() == pytest.approx(0.1, rel=0.06)
    assert np.corrcoef(found[:-1], found[1:])[0, 1] == pytest.approx(0.8, abs=0.02)
    assert np.corrcoef(found[:-3], found[3:])[0, 1] == pytest.approx(0.8**3, abs=0.05)


def test_processes_differ_by_their_noise_and_some_are_slow() -> None:
    service = Service(5.0, process_noise=0.02, slow_share=0.2, slow_factor=1.5)
    rng = np.random.default_rng(1)
    levels = np.log([service.process_ms(rng) / 5.0 for _ in range(4000)])
    slow = levels > 0.2
    assert slow.mean() == pytest.approx(0.2, abs=0.02)
    assert levels[~slow].std() == pytest.approx(0.02, rel=0.05)
    assert levels[slow].mean() == pytest.approx(np.log(1.5), abs=0.002)


def test_warm_up_decays_and_stalls_come_where_they_should() -> None:
    cold = Service(2.0, noise=0.0, warm_up=1.0, warm_up_chunks=10.0).costs_ns(np.random.default_rng(0), 100)
    assert cold[[0, 10, 20]] / MS == pytest.approx([4.0, 2.0 * (1 + np.exp(-1)), 2.0 * (1 + np.exp(-2))], abs=1e-5)
    stalls = Service(2.0, noise=0.0, stall_ms=40.0, stall_every=30).costs_ns(np.random.default_rng(0), 100)
    assert np.flatnonzero(stalls > 10 * MS).tolist() == [15, 45, 75]


@pytest.mark.parametrize("changes", [{"median_ms": 0.0}, {"correlation": 1.0}, {"stall_ms": 1.0}, {"slow_share": 1.1}])
def test_what_cannot_be(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="got"):
        Service(**{"median_ms": 2.0, **changes})  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 150 * MS), min_size=1, max_size=60))
def test_the_agents_loop_waits_as_the_queue_does(costs_ns: list[int]) -> None:
    found = run_session(SimulatedDevice(), costs_ns).timeline(SAMPLE_RATE_HZ)
    assert found.latency_ns.tolist() == latency_ns(np.array(costs_ns), CHUNK_NS).tolist()
    assert found.service_ns.tolist() == costs_ns
