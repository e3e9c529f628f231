"""Through lost links: the same action again once the device is back."""

import time
from collections.abc import Callable
from typing import TypeVar

from orchestrator.errors import Unreachable
from orchestrator.measure.transports.base import Transport

T = TypeVar("T")

# A device that restarts, or whose cable is out for five minutes, is back within this; retried ever more slowly.
LINK_PATIENCE_S = 600.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
LOST_LINKS = 100


def through_lost_links(
    transport: Transport, action: Callable[[], T], *, goes_on: str, patience_s: float = LINK_PATIENCE_S
) -> T:
    """``action``, again after each lost link. Raises Unreachable when the device does not come back in time.

    ``goes_on``: what the user may rely on then, and do next.
    """
    for _ in range(LOST_LINKS):
        try:
            return action()
        except Unreachable:
            _reconnect(transport, goes_on, patience_s)
    return action()


def _reconnect(transport: Transport, goes_on: str, patience_s: float) -> None:
    give_up_s = time.monotonic() + patience_s
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            return transport.reconnect()
        except Unreachable as exc:
            if time.monotonic() + pause_s > give_up_s:
                raise Unreachable(
                    f"{transport.name} did not come back within {patience_s:g} s: {exc.message}", hint=goes_on
                ) from exc
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
