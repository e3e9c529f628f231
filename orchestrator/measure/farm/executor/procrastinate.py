"""The executor of many workers: tickets in the ledger's own PostgreSQL, which Procrastinate brings to them at once."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from orchestrator.domain.job import Job
from orchestrator.errors import LedgerError
from orchestrator.ledger.job_turns import loads
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.orders import Order, submit
from orchestrator.measure.farm.executor.base import Handler, Pace, unheard
from orchestrator.measure.farm.executor.duty import Duty
from orchestrator.measure.farm.executor.hands import Hands
from orchestrator.measure.farm.executor.serving import Serving
from orchestrator.measure.farm.executor.ticket_taker import TicketTaker
from orchestrator.measure.farm.executor.tickets import drop, issue, prepare, tickets

# Until a taker whose tickets are done has told the database so.
_LAST_WORDS_S = 15.0


class Procrastinate:
    """Raises LedgerError where Procrastinate is missing, or its tables are and may not be made."""

    def __init__(self, ledger: Ledger, pace: Pace | None = None) -> None:
        prepare(ledger)
        self._ledger, self._pace = ledger, pace or Pace()

    def submit(self, order: Order, jobs: Sequence[Job]) -> list[str]:
        new = set(submit(self._ledger, order, jobs))
        self._issue({job.queue for job in jobs if job.job_id in new})
        return [job.job_id for job in jobs if job.job_id in new]

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
        hands = Hands(duty, self._pace.shared_at_once, self._issue, woken.set)
        bringer = _Bringer(self._ledger, queues, hands, self._pace.shared_at_once, woken.set)
        Serving(duty, hands, bringer, queues, woken, stop, self._pace, on_away, on_back).run(until_idle=until_idle)

    def _issue(self, queues: Iterable[str]) -> None:
        """Whoever serves them is woken. A ticket that cannot be issued now is missed at a worker's next look."""
        with suppress(LedgerError):
            ready = {queue: load.ready for queue, load in loads(self._ledger).items() if load.ready}
            if wanted := {queue: ready[queue] for queue in queues if queue in ready}:
                issue(self._ledger, wanted)


class _Bringer:
    """Keeps a taker of tickets, and sees to it that there is one for all that is ready."""

    def __init__(
        self, ledger: Ledger, queues: Sequence[str], hands: Hands, shared_at_once: int, woken: Callable[[], None]
    ) -> None:
        self._ledger, self._queues, self._hands = ledger, queues, hands
        self._shared_at_once, self._woken = shared_at_once, woken
        self._taker: TicketTaker | None = None
        self._cut: list[TicketTaker] = []

    def bring(self, ready: Mapping[str, int]) -> None:
        if self._taker is None or not self._taker.alive:
            self._replace_taker()
        if ready:
            issue(self._ledger, ready)

    def _replace_taker(self) -> None:
        if self._taker is not None and (fault := self._drop_taker().fault) is not None:
            raise fault
        if stale := [ticket.ticket_id for ticket in tickets(self._ledger) if ticket.stale]:
            drop(self._ledger, stale)
        self._taker = TicketTaker(self._ledger.place, self._queues, self._hands, self._shared_at_once, self._woken)

    def _drop_taker(self) -> TicketTaker:
        assert self._taker is not None
        dropped, self._taker = self._taker, None
        dropped.cut()
        self._cut = [taker for taker in (*self._cut, dropped) if taker.alive]
        return dropped

    def away(self) -> None:
        """What its taker met is what the ledger met, and told already."""
        if self._taker is not None:
            self._drop_taker()

    def end(self) -> None:
        if self._taker is not None:
            self._taker.stop()

    def close(self) -> None:
        if self._taker is not None:
            self._taker.stop()
            self._taker.join(_LAST_WORDS_S)
            self._drop_taker()
        for taker in self._cut:
            taker.join(_LAST_WORDS_S)
