"""The executor of one process: a thread for each queue that has something to do, woken by submits and ends."""

import threading
from collections.abc import Callable, Mapping, Sequence

from orchestrator.domain.job import Job
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.orders import Order, submit
from orchestrator.measure.farm.executor.base import Handler, Pace, unheard
from orchestrator.measure.farm.executor.duty import Duty
from orchestrator.measure.farm.executor.hands import Hands
from orchestrator.measure.farm.executor.serving import Serving


class InProcess:
    """Works on any ledger. What other processes submit is seen at the next look."""

    def __init__(self, ledger: Ledger, pace: Pace | None = None) -> None:
        self._ledger, self._pace = ledger, pace or Pace()
        self._woken: list[threading.Event] = []

    def submit(self, order: Order, jobs: Sequence[Job]) -> list[str]:
        new = submit(self._ledger, order, jobs)
        self._wake()
        return new

    def serve(
        self,
        worker_id: str,
        queues: Sequence[str],
        handlers: Mapping[str, Handler],
        stop: threading.Event,
        *,
        until_idle: bool = False,
        on_away: Callable[[str], None] = unheard,
        on_back: Callable[[], None] = unheard,
    ) -> None:
        duty, woken = Duty(self._ledger, worker_id, handlers, stop, self._pace), threading.Event()
        hands = Hands(duty, self._pace.shared_at_once, lambda freed: self._wake(), woken.set)
        serving = Serving(duty, hands, _Bringer(hands), queues, woken, stop, self._pace, on_away, on_back)
        self._woken.append(woken)
        try:
            serving.run(until_idle=until_idle)
        finally:
            self._woken.remove(woken)

    def _wake(self) -> None:
        for woken in list(self._woken):
            woken.set()


class _Bringer:
    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    def bring(self, ready: Mapping[str, int]) -> None:
        for queue, jobs in ready.items():
            for _ in range(min(jobs, self._hands.free(queue))):
                self._hands.wake(queue)

    def away(self) -> None:
        """A hand that finds the ledger away ends by itself."""

    def end(self) -> None:
        """The hands were told."""

    def close(self) -> None:
        """Nothing was opened."""
