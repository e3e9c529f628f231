"""Promise 2: how far late chunks shift the schedule."""

import numpy as np

from agents import wire
from tests.promises.figures.p01 import CHUNKS, SERVICE
from tests.promises.figures.row import NONE, Row
from tests.sessions import CHUNK_NS
from tests.simulator.device import SimulatedDevice
from tests.simulator.naive import closed_loop
from tests.simulator.service import MS
from tests.simulator.session import run_session


def rows() -> list[Row]:
    """The session of promise 1, whose waits end up to 2 ms late."""
    costs = SERVICE.costs_ns(np.random.default_rng(2), CHUNKS)
    late_ns = np.random.default_rng(3).integers(0, 2 * MS, CHUNKS)
    t_ns = run_session(_device(late_ns), costs).arrays["t_ns"]
    on_time = t_ns[0, wire.ARRIVAL] + CHUNK_NS * np.arange(CHUNKS)
    shift_ns = int(np.abs(t_ns[:, wire.ARRIVAL] - on_time).max())
    calls = closed_loop(_device(late_ns), costs, CHUNK_NS)
    naive_ns = int(calls[-1, 0] - calls[0, 0] - CHUNK_NS * (CHUNKS - 1))
    return [
        Row(
            2,
            "shift of the schedule after ten minutes with stalls, waits that end up to 2 ms late",
            NONE,
            shift_ns / MS,
            naive_ns / MS,
            "the next chunk comes one chunk after the last call",
            unit="ms",
        )
    ]


def _device(late_ns: np.ndarray) -> SimulatedDevice:
    return SimulatedDevice(wake_late_ns=lambda wait: int(late_ns[wait]))
