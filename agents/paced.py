"""The paced loop: chunks on the clock, of one stream or of several that one server serves in turn.

Nothing is written, allocated on purpose or checked inside a timed stage.
"""

from dataclasses import dataclass
from typing import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.arrival import Arrivals, in_turn, make_ring
from agents.clock import Clock
from agents.stages import LoopedAudio, Stages
from agents.timed import WIDTH, LoopCost, cells_of

# Spinning before an arrival: at most this, and at most this share of a chunk, which bounds what pacing costs.
SPIN_NS = 200_000
SPIN_SHARE = 0.01
# A paced session checks its outputs only with this much idle time ahead.
IDLE_NS = 2_000_000
CHECK_NS = 250_000_000


@dataclass
class Fed:
    """A stream that is fed on the clock: its own model state, audio, schedule and rows of times.

    ``reached``: number of its newest chunk that was served, and one.
    """

    stages: Stages
    audio: LoopedAudio
    times: NDArray[np.int64]
    arrival_of: Arrivals
    reached: int = 0


def paced(
    stages: Stages,
    audio: LoopedAudio,
    times: NDArray[np.int64],
    arrival_of: Arrivals,
    clock: Clock,
    policy: str = "catch-up",
    ring_chunks: int = 1,
) -> LoopCost:
    """Serve chunk k at its intended arrival a_k, which no late chunk moves; late ones at once, or never (``policy``).

    Raises Failure "non-finite-output".
    """
    return paced_in_turn((Fed(stages, audio, times, arrival_of),), clock, policy, ring_chunks)


def paced_in_turn(streams: Sequence[Fed], clock: Clock, policy: str, ring_chunks: int) -> LoopCost:
    """``paced`` for streams that one server serves: whichever chunk arrived first is next. Each has a ring of its own.

    Raises Failure "non-finite-output".
    """
    now, cpu = clock.now_ns, clock.cpu_ns
    rings = [make_ring(s.times, s.arrival_of, policy, ring_chunks) for s in streams]
    order = in_turn(rings, [s.arrival_of for s in streams], now)
    cells = [cells_of(s.times) for s in streams]
    progress = streams[0].stages.progress
    spin_ns = min(SPIN_NS, int(SPIN_SHARE * streams[0].arrival_of.chunk_ns))
    harness_ns, marked_ns, checked_ns, checks = 0, cpu(), 0, 0
    for index, number in order:
        stream = streams[index]
        stages, chunk = stream.stages, stream.audio.chunk(number)
        push, target, step, decode = stages.push, stages.target, stages.step, stages.decode
        arrival = stream.arrival_of(number)
        idle_ns = arrival - now()
        if idle_ns > 0:
            # A check a quarter of a second, of one stream after the other.
            if idle_ns > IDLE_NS and (checks == 0 or arrival - checked_ns > CHECK_NS):
                other = streams[checks % len(streams)]
                if other.reached:
                    other.stages.check(other.reached - 1)
                    checked_ns, checks = arrival, checks + 1
            clock.wait_until(arrival, spin_ns)
        harness_ns += cpu() - marked_ns
        issue = now()
        push(chunk, target)
        fed = now()
        step()
        run = now()
        if decode is not None:
            decode()
        done = now()
        marked_ns = cpu()
        rows, cell = cells[index], number * WIDTH
        rows[cell] = arrival
        rows[cell + 1] = issue
        rows[cell + 2] = fed
        rows[cell + 3] = run
        rows[cell + 4] = done
        progress[0] += number + 1 - stream.reached
        stream.reached = number + 1
    for stream in streams:
        stream.stages.check(stream.reached - 1)
    return LoopCost(harness_ns, None)
