"""Promise 1: the p99 under stalls, against what a listener waits."""

import numpy as np

from orchestrator.statistics.percentiles import percentile
from tests.promises.figures.row import Row, at_most
from tests.sessions import CHUNK_NS, SAMPLE_RATE_HZ
from tests.simulator.device import SimulatedDevice
from tests.simulator.naive import closed_loop
from tests.simulator.service import MS, Service, latency_ns
from tests.simulator.session import run_session

# 6 ms of service a chunk of 20 ms, and one stall of 400 ms every 30 s.
SERVICE = Service(6.0, noise=0.15, stall_ms=400.0, stall_every=1500)
CHUNKS = 30_000  # ten minutes
DENSE = 3_600_000  # twenty hours


def rows() -> list[Row]:
    dense = SERVICE.costs_ns(np.random.default_rng(101), DENSE)
    truth = float(np.quantile(latency_ns(dense, CHUNK_NS), 0.99)) / MS
    costs = SERVICE.costs_ns(np.random.default_rng(1), CHUNKS)
    found = percentile(run_session(SimulatedDevice(), costs).timeline(SAMPLE_RATE_HZ).latency_ns, 0.99).value
    assert found is not None
    calls = closed_loop(SimulatedDevice(), costs, CHUNK_NS)
    naive = float(np.quantile(calls[:, 1] - calls[:, 0], 0.99)) / MS
    return [
        Row(
            1,
            f"error of the p99 of ten minutes with a stall of 400 ms every 30 s; the truth is {truth:.0f} ms",
            at_most(5),
            100 * abs(found / MS / truth - 1),
            100 * abs(naive / truth - 1),
            "a closed loop times its own calls",
            earshot_note=f"{found / MS:.0f} ms",
            naive_note=f"{naive:.1f} ms",
        )
    ]
