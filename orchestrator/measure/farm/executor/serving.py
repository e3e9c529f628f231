"""The loop of a worker: look, bring what is ready to its hands, wait; until it is asked to end and has ended."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from orchestrator.domain.job import device_of
from orchestrator.errors import LedgerError
from orchestrator.ledger.job_turns import Load
from orchestrator.measure.farm.executor.base import Pace
from orchestrator.measure.farm.executor.duty import Duty
from orchestrator.measure.farm.executor.hands import Hands

# How soon a wish to end is seen.
_STOP_S = 0.1


class Bringer(Protocol):
    """Wakes hands for what is ready. Called on the worker's own thread."""

    def bring(self, ready: Mapping[str, int]) -> None:
        """``ready``: how many jobs of a queue could begin, that no hand is at. Raises LedgerError."""

    def away(self) -> None:
        """The ledger cannot be reached."""

    def end(self) -> None:
        """Bring nothing more."""

    def close(self) -> None:
        """All hands have ended."""


@dataclass(frozen=True)
class Serving:
    """``woken`` is set by whoever knows of something new."""

    duty: Duty
    hands: Hands
    bringer: Bringer
    queues: Sequence[str]
    woken: threading.Event
    stop: threading.Event
    pace: Pace
    on_away: Callable[[str], None]
    on_back: Callable[[], None]

    def run(self, *, until_idle: bool) -> None:
        """Raises LedgerError where another worker has this one's place."""
        with self.duty.alive():
            try:
                self._serve(until_idle)
            except BaseException:
                # Ctrl-C, or a caller's mistake: whoever does a job is asked to end it, and is not waited for.
                self.stop.set()
                self.hands.end()
                self.bringer.end()
                raise
            finally:
                self.bringer.close()
        if self.duty.displaced.is_set():
            raise LedgerError(
                "another worker has taken this one's place",
                hint="one earshot worker at a time serves a site's folder on a host",
            )

    def _serve(self, until_idle: bool) -> None:
        pause_s, away, done = self.pace.look_s, False, False
        while True:
            self.woken.clear()
            ending = done or self.duty.asked_to_end
            if ending:
                self.hands.end()
                self.bringer.end()
                if not self.hands.busy:
                    return
            try:
                # Of those whose hands are all at work nothing could be begun: a thousand devices have 20,000 jobs.
                looked_at = [queue for queue in self.queues if self.hands.free(queue)]
                load = self.duty.look(looked_at)
                if not ending:
                    self.bringer.bring(self._ready(load))
            except LedgerError as exc:
                if not away:
                    self.on_away(exc.message)
                    self.bringer.away()
                away, pause_s = True, min(2 * pause_s, self.pace.away_s)
            else:
                if away:
                    self.on_back()
                away, pause_s = False, self.pace.look_s
                done = until_idle and len(looked_at) == len(self.queues) and not load
            if not done:
                self._wait(pause_s)

    def _ready(self, load: Mapping[str, Load]) -> dict[str, int]:
        """By queue, what a hand more could begin: a device that is busy takes nothing."""
        return {
            queue: load[queue].ready
            for queue in self.queues
            if queue in load
            and load[queue].ready
            and self.hands.free(queue)
            and not (device_of(queue) is not None and load[queue].running)
        }

    def _wait(self, pause_s: float) -> None:
        until_s = time.monotonic() + pause_s
        while (left_s := until_s - time.monotonic()) > 0 and not self.woken.wait(min(left_s, _STOP_S)):
            if self.stop.is_set() and not self.hands.busy:
                return
