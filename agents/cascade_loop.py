"""One thread that serves the stages of a cascade in turn, on one clock.

Audio arrives whatever is being computed: a late run never moves it. A run is never interrupted; between two of them the
server takes what the cascade's order says.
"""

from typing import Callable, List, Optional, Protocol, Sequence, Tuple

from agents import wire
from agents.cascade_lanes import Log, Now
from agents.clock import Clock
from agents.paced import CHECK_NS, IDLE_NS, SPIN_NS
from agents.timed import LoopCost


class Lane(Protocol):
    """A stage's work. ``since``: (when its next run could begin, since when that is waited for), None: there is none
    before another lane has done something.
    """

    def since(self) -> Optional[Tuple[int, int]]: ...

    def run(self, now: Now, log: Log) -> None: ...


def serve(lanes: Sequence[Lane], order: str, clock: Clock, log: Log, check: Callable[[], None]) -> LoopCost:
    """Until no lane has anything to do. ``lanes``: nearest to the microphone first. ``check`` is called where there is
    time to, at most four times a second, and at the end; it raises Failure "non-finite-output".
    """
    now, cpu = clock.now_ns, clock.cpu_ns
    harness_ns, marked_ns, checked_ns = 0, cpu(), now()
    while True:
        found = _next(lanes, order, now())
        if found is None:
            break
        lane, ready_ns = found
        idle_ns = ready_ns - now()
        if idle_ns > 0:
            if idle_ns > IDLE_NS and ready_ns - checked_ns > CHECK_NS:
                check()
                checked_ns = ready_ns
            clock.wait_until(ready_ns, SPIN_NS)
        harness_ns += cpu() - marked_ns
        lane.run(now, log)
        marked_ns = cpu()
    check()
    return LoopCost(harness_ns, None)


def _next(lanes: Sequence[Lane], order: str, now_ns: int) -> Optional[Tuple[Lane, int]]:
    """The lane whose turn it is, and when its run can begin: of those that could begin now the one that ``order`` says,
    else the one that can first.
    """
    heads: List[Tuple[int, int, Lane]] = []
    for lane in lanes:
        since = lane.since()
        if since is not None:
            heads.append((*since, lane))
    waiting = [head for head in heads if head[0] <= now_ns]
    if waiting:
        ready_ns, _, lane = waiting[0] if order == wire.AUDIO_FIRST else min(waiting, key=lambda head: head[1])
        return lane, ready_ns
    if not heads:
        return None
    ready_ns, _, lane = min(heads, key=lambda head: head[0])
    return lane, ready_ns
