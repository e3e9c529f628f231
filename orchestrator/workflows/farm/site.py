"""A site's ledger beside its farm's, which may be away: what was measured is delivered, what was done is settled."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from orchestrator.domain.job import JobState, Outcome
from orchestrator.errors import LedgerAway, LedgerError, StoreError
from orchestrator.ledger.delivery import Delivered, deliver, deliver_lost
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.settle import Settled, settle, settled_orders
from orchestrator.ledger.snapshot import Snapshot, postpone, refresh
from orchestrator.ledger.spool import begin_spool, newest_entry
from orchestrator.measure.farm.executor.base import Handler, Stop, outcome_of
from orchestrator.workflows.farm.site_nights import late_nights

# Between two attempts to deliver, while the farm is away for a moment.
_AGAIN_S = 1.0


@dataclass(frozen=True)
class CaughtUp:
    """What a farm was told that had been away. ``delivered``: since it was found away. ``late``: nights (plan, date)
    whose sessions came after their end.
    """

    delivered: Delivered
    settled: Settled
    late: tuple[tuple[str, str], ...]
    snapshot: Snapshot


class FarmSite:
    """``ledger``: the site's own, which all that its devices do is recorded in first. ``place`` and ``queues``: of the
    worker. ``note``: told what a person should know. Safe to use from several threads.
    """

    def __init__(self, ledger: Ledger, place: str, queues: Sequence[str], note: Callable[[str], None]) -> None:
        self.ledger, self.place, self.queues = ledger, place, tuple(queues)
        self._note = note
        # Who came first goes first.
        self._delivering = threading.Semaphore()
        self._brought = Delivered()
        begin_spool(ledger)

    def deliver(self, farm: Ledger, leave: threading.Event, session_id: str | None = None) -> Delivered:
        """What waits here, to a farm that may be away for a moment. ``session_id``: of one that it must have then, also
        where it lost what it had. Raises LedgerAway once ``leave`` is set, LedgerError where it does not take that one.
        """
        while True:
            try:
                done = self._deliver(farm)
                if session_id is not None:
                    self._require(farm, session_id, done)
                return done
            except LedgerAway as exc:
                if leave.wait(_AGAIN_S):
                    raise LedgerAway("the farm is away: what was measured waits at this site") from exc

    def _require(self, farm: Ledger, session_id: str, done: Delivered) -> None:
        refused = done.refused.get(f"sessions {session_id}")
        if refused is not None:
            raise LedgerError(f"the farm's ledger does not take session {session_id}, which stays here: {refused}")
        if deliver_lost(self.ledger, farm, session_id):
            self._note(f"the farm's ledger had lost session {session_id}, and got it again")

    def _deliver(self, farm: Ledger, *, refused_too: bool = False) -> Delivered:
        # Of two at once the second would only find what the first has brought. What comes from now on others bring:
        # where hundreds of sessions end together, each would wait for the last of them.
        newest = None if refused_too else newest_entry(self.ledger)
        with self._delivering:
            done = deliver(self.ledger, farm, refused_too=refused_too, through=newest)
            self._brought = self._brought.plus(done)
        for what, why in done.refused.items():
            self._note(f"the farm's ledger does not take {what}, which stays here: {why}")
        return done

    def catch_up(self, farm: Ledger) -> CaughtUp:
        """With a farm that is there again, or that this worker begins with. Raises LedgerError; again is well then."""
        self._deliver(farm, refused_too=True)
        settled = settle(self.ledger, farm, self.place)
        late = late_nights(farm, settled_orders(self.ledger))
        return CaughtUp(self._brought, settled, late, self.refresh(farm))

    def begin_offline(self) -> None:
        """What is delivered from now on belongs to the next ``catch_up``."""
        self._brought = Delivered()

    def refresh(self, farm: Ledger) -> Snapshot:
        return refresh(self.ledger, farm, self.queues, self.place)

    def offline(self, handler: Handler) -> Handler:
        """The same handler, of jobs of the snapshot. What needs the farm waits for it, and the others go on."""

        def do(begun: JobState, stop: Stop) -> Outcome:
            try:
                return handler(begun, stop)
            except (LedgerAway, StoreError) as exc:
                outcome = outcome_of(exc)
                postpone(self.ledger, begun, f"the farm is away, and this site has not what it needs: {outcome.reason}")
                return outcome

        return do
