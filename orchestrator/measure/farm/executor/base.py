"""What both executors promise, and what they ask of whoever does a job."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from orchestrator.domain.job import Job, JobState, Outcome
from orchestrator.errors import DeviceHeld, EarshotError, LeaseLost, LedgerError, Unreachable
from orchestrator.ledger.job_turns import PAUSE_S
from orchestrator.ledger.orders import Order
from orchestrator.ledger.workers import WORKER_BEAT_S

# These may go well another time: nothing is wrong with the job.
_AGAIN = (Unreachable, DeviceHeld, LeaseLost, LedgerError)


@dataclass
class Stop:
    """Asks whoever does a job to end it: ``worker`` ends, or the job was cancelled (``job``, of each that is done)."""

    worker: threading.Event = field(default_factory=threading.Event)
    job: threading.Event = field(default_factory=threading.Event)

    @property
    def asked(self) -> bool:
        return self.worker.is_set() or self.job.is_set()


# Does one job. Raises EarshotError where it cannot; what it recorded in the ledger stays.
Handler = Callable[[JobState, Stop], Outcome]


@dataclass(frozen=True)
class Pace:
    """How often a worker looks what is ready and what was cancelled (``look_s``; submits are seen at once), and says
    that it is alive (``beat_s``). ``again_s``: until what may go well another time is tried again, times its attempts.
    ``shared_at_once``: jobs of one queue that is no device's. ``away_s``: between two looks at most, at a ledger that
    cannot be reached.
    """

    look_s: float = 1.0
    beat_s: float = WORKER_BEAT_S
    again_s: float = PAUSE_S
    shared_at_once: int = 2
    away_s: float = 10.0

    def __post_init__(self) -> None:
        if min(self.look_s, self.beat_s, self.again_s, self.away_s) <= 0 or self.shared_at_once < 1:
            raise ValueError(f"a pace is times > 0 and a count >= 1, got {self}")


def unheard(*_reason: str) -> None:
    """Nobody wants to know."""


class Executor(Protocol):
    """Jobs of a queue are done one after another where it is a device's, in the order of ``domain/fair_share.py``; at
    least once, and each counted once: ``ledger/job_turns.py`` says which outcome holds.
    """

    def submit(self, order: Order, jobs: Sequence[Job]) -> list[str]:
        """Ids of the jobs that are new; who serves their queues is woken."""

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
        """Do the jobs of these queues until ``stop`` is set and what was begun has ended.

        ``until_idle``: or until none of them has anything that is ready or runs. A ledger that is away does not end it:
        what was begun goes on, and its end is told when the ledger is back. ``on_away`` is called with the reason,
        ``on_back`` when it answers again, both on the caller's thread. Raises LedgerError where another worker has
        taken this one's place; what it was doing was asked to end.
        """


def outcome_of(error: EarshotError) -> Outcome:
    """Of a job that could not be done."""
    return Outcome(reason=f"{error.message}{f' ({error.hint})' if error.hint else ''}", again=isinstance(error, _AGAIN))
