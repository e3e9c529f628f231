"""Promise 18: what a step of the time of day changes."""

import numpy as np

from tests.promises.figures.row import NONE, Row
from tests.sessions import CHUNK_NS, SAMPLE_RATE_HZ
from tests.simulator.device import SimulatedDevice
from tests.simulator.naive import closed_loop
from tests.simulator.service import MS, Service
from tests.simulator.session import run_session

CHUNKS = 1500
STEPS_S = (3600.0, -3600.0, 0.75)
COSTS = Service(8.0, noise=0.02).costs_ns(np.random.default_rng(18), CHUNKS)


def device(step_s: float) -> SimulatedDevice:
    """Somebody sets its clock half way through, while a chunk is computed: the first 5 ms of a session are its lead."""
    made = SimulatedDevice()
    made.clock_step_s, made.step_at_ns = step_s, made.start_ns + CHUNKS * CHUNK_NS // 2 + 6 * MS
    return made


def latency_ns(step_s: float) -> np.ndarray:
    return run_session(device(step_s), COSTS).timeline(SAMPLE_RATE_HZ).latency_ns


def by_the_wall(step_s: float) -> np.ndarray:
    """The naive way: time.time() around each call."""
    of = device(step_s)
    calls = closed_loop(of, COSTS, CHUNK_NS, lambda: round(of.wall_s() * 1e9))
    return calls[:, 1] - calls[:, 0]


def rows() -> list[Row]:
    def most(found: dict[float, np.ndarray]) -> float:
        return max(float(np.abs(found[step] - found[0.0]).max()) for step in STEPS_S) / MS

    every = (0.0, *STEPS_S)
    ours, naive = ({step: of(step) for step in every} for of in (latency_ns, by_the_wall))
    return [
        Row(
            18,
            "largest change of a latency when the time of day is set forward or back by 0.75 s or an hour",
            NONE,
            most(ours),
            most(naive),
            "time.time() around each call",
            unit="ms",
        )
    ]
