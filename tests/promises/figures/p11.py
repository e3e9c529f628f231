"""Promise 11: the energy of ten minutes, as the sampler sees the power of a device that computes in bursts."""

from dataclasses import replace

import numpy as np

from orchestrator.domain.energy import drawn
from orchestrator.domain.session import Session
from orchestrator.statistics.energy import energy_of_samples
from tests.promises.figures.row import Row, at_most
from tests.sessions import SAMPLE_RATE_HZ, candidate
from tests.simulator.device import SimulatedDevice
from tests.simulator.power import Draw
from tests.simulator.service import Service
from tests.simulator.session import Asked, run_session

HZ = 10.0
SECONDS = 600
# (chunk in ms, share of it that is computed).
LOADS = ((80, 0.1), (80, 0.3), (20, 0.3), (100, 0.5))
PHASES = 40


def metered(chunk_ms: int, share: float, seed: int) -> tuple[SimulatedDevice, Session]:
    device = SimulatedDevice(draw=Draw(2.0, 4.0))
    of = replace(candidate(), chunk_samples=chunk_ms * SAMPLE_RATE_HZ // 1000)
    costs = Service(chunk_ms * share, noise=0.02).costs_ns(
        np.random.default_rng([11, seed]), SECONDS * 1000 // chunk_ms
    )
    return device, run_session(device, costs, Asked(of, sampler_hz=HZ, seed=seed))


def rows(seeds: int = 3) -> list[Row]:
    ours, naive = [], []
    for chunk_ms, share in LOADS:
        for seed in range(seeds):
            device, session = metered(chunk_ms, share, seed)
            timeline = session.timeline(SAMPLE_RATE_HZ)
            begin_ns, end_ns = int(timeline.start_ns[0]), int(timeline.done_ns[-1])
            assert device.trace is not None
            truth_j = device.trace.energy_j(begin_ns, end_ns)
            found = drawn(session, timeline).energy.energy_j
            assert found is not None
            ours.append(abs(found / truth_j - 1))
        naive.append(max(_at_fixed_rate(device, begin_ns, end_ns, k / PHASES * chunk_ms) for k in range(PHASES)))
    return [
        Row(
            11,
            f"largest error of the energy of ten minutes, {len(LOADS)} loads of 10 to 50 % in chunks of 20 to 100 ms",
            at_most(2),
            100 * max(ours),
            100 * max(naive),
            "the same trapezoid at a fixed 10 Hz",
            naive_note=f"beyond 10 % in {sum(error > 0.1 for error in naive)} of {len(LOADS)} loads, and refused",
        )
    ]


def _at_fixed_rate(device: SimulatedDevice, begin_ns: int, end_ns: int, phase_ms: float) -> float:
    """Error of readings every 100 ms that begin so long after the session."""
    assert device.trace is not None
    t_ns = np.arange(begin_ns + round(phase_ms * 1e6) - 10**8, end_ns + 10**8, round(1e9 / HZ), dtype=np.int64)
    power_w = np.array([device.trace.at(int(t)).power_w for t in t_ns])
    found = energy_of_samples(t_ns, power_w, begin_ns, end_ns).energy_j
    assert found is not None
    return abs(found / device.trace.energy_j(begin_ns, end_ns) - 1)
