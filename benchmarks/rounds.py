"""Actions that take turns: each once a round, so that what the machine does meanwhile meets all of them alike."""

import time
from collections.abc import Callable, Mapping

Seconds = dict[str, list[float]]


def timed(action: Callable[[], object]) -> float:
    begin_s = time.perf_counter()
    action()
    return time.perf_counter() - begin_s


def in_turn(
    actions: Mapping[str, Callable[[], object]], rounds: int, *, before_each: Callable[[str], None] = lambda name: None
) -> Seconds:
    """Seconds of each action by its name, one a round; the round before them warms up caches."""
    seconds: Seconds = {name: [] for name in actions}
    for number in range(rounds + 1):
        for name, action in actions.items():
            before_each(name)
            spent_s = timed(action)
            if number:
                seconds[name].append(spent_s)
    return seconds
