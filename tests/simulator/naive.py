"""The script that Earshot is compared with: it times its own calls, and waits when it has time left."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tests.simulator.device import SimulatedDevice
from tests.simulator.session import Costs

S = 1_000_000_000


def closed_loop(
    device: SimulatedDevice, costs_ns: Costs, chunk_ns: int, clock_ns: Callable[[], int] | None = None
) -> NDArray[np.int64]:
    """Begin and end of each call by ``clock_ns`` (the device's monotonic one), shape (chunks, 2). The next chunk is
    issued a chunk after this one was, or at once where that is past: a late chunk shifts all that follow.
    """
    now = clock_ns or device.now_ns
    times = np.zeros((len(costs_ns), 2), dtype=np.int64)
    for number, cost_ns in enumerate(costs_ns):
        issued_ns = device.now_ns()
        begin_ns = now()
        device.compute(int(cost_ns))
        times[number] = begin_ns, now()
        if device.now_ns() < issued_ns + chunk_ns:
            device.wait_until(issued_ns + chunk_ns, 0)
    return times
