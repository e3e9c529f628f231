"""A paced session of scripted service times: the loop of the agent, 20 ms chunks, a clock that the script moves."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from agents import stream
from agents.arrival import Arrivals
from orchestrator.domain.timeline import Timeline
from tests.agents.scripted import Script, recording
from tests.sessions import CHUNK_NS, CHUNK_SAMPLES, SAMPLE_RATE_HZ
from tests.simulator.device import SimulatedDevice

__all__ = ["CHUNK_NS", "STAGES_NS", "closed_loop_ns", "run_paced"]

# What features and decode of the scripted stages take, beside the model.
STAGES_NS = 15_000


def run_paced(service_ns: Sequence[int], wake_late_ns: Callable[[int], int] = lambda wait: 0) -> NDArray[np.int64]:
    """``t_ns`` of a session whose chunk k takes ``service_ns[k]``, and whose k-th wait ends late."""
    clock = SimulatedDevice(start_ns=1_000_000, wake_late_ns=wake_late_ns)
    times = stream.new_times(len(service_ns))
    script = Script(clock, [ns - STAGES_NS for ns in service_ns])
    audio = stream.LoopedAudio(recording(), CHUNK_SAMPLES)
    stream.paced(script.stages(), audio, times, Arrivals(2_000_000, CHUNK_SAMPLES, SAMPLE_RATE_HZ), clock)
    return times


def timeline_of(t_ns: NDArray[np.int64]) -> Timeline:
    return Timeline(t_ns, CHUNK_NS, paced=True)


def closed_loop_ns(service_ns: Sequence[int]) -> NDArray[np.int64]:
    """What a script says that times its own calls: it issues the next chunk when it gets to it."""
    return np.array(service_ns, dtype=np.int64)
