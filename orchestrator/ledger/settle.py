"""What a site did of its snapshot while the farm was away, told to the farm: each job's end, once."""

import time
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from orchestrator.domain.job import CANCELLED, DONE, ENDED, FAILED, RUNNING
from orchestrator.ledger import database
from orchestrator.ledger.farm_tables import JobRow, SnapshotRow, WorkerRow
from orchestrator.ledger.job_ends import end
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.rows import AnyRow
from orchestrator.ledger.snapshot import SCOPE, free_workers

_ENDED_THERE, _LEFT = "ended there", "left"


@dataclass(frozen=True)
class Settled:
    """``done`` and ``failed``: as it was here. ``ended_there``: they had ended at the farm before it was told (somebody
    cancelled them); what was measured is in the ledger all the same. ``left``: another worker has begun them since, and
    finds what was measured. ``queues``: where a job became ready by it.
    """

    done: int = 0
    failed: int = 0
    ended_there: int = 0
    left: int = 0
    queues: frozenset[str] = frozenset()


def settle(site: Ledger, farm: Ledger, place: str) -> Settled:
    """All that ended here and is not settled yet, in the order in which it ended; deliver its sessions before.

    ``place``: of this worker; what was begun from there at the farm is ended by what came of it here. Interrupted, the
    next call goes on. Raises LedgerError.
    """
    told: Counter[str] = Counter()
    queues: set[str] = set()
    for row in _ended_here(site):
        how, freed = _tell(farm, row, place)
        told[how] += 1
        queues.update(freed)
        with site.transaction(SCOPE) as connection:
            connection.execute(update(SnapshotRow).where(SnapshotRow.job_id == row.job_id).values(settled=1))
    return Settled(told[DONE], told[FAILED], told[_ENDED_THERE], told[_LEFT], frozenset(queues))


def settled_orders(site: Ledger) -> list[str]:
    """Orders of what was settled since the snapshot was compared with the farm last."""
    settled = (
        select(JobRow.order_id).join(SnapshotRow, SnapshotRow.job_id == JobRow.job_id).where(SnapshotRow.settled == 1)
    )
    return [row.order_id for row in site.fetch(settled.distinct().order_by(JobRow.order_id))]


def _ended_here(site: Ledger) -> list[AnyRow]:
    unsettled = (SnapshotRow.settled == 0, JobRow.state.in_((DONE, FAILED)))
    wanted = select(JobRow.__table__).join(SnapshotRow, SnapshotRow.job_id == JobRow.job_id).where(*unsettled)
    return site.fetch(wanted.order_by(JobRow.finished_utc_s, JobRow.job_id))


def _tell(farm: Ledger, here: AnyRow, place: str) -> tuple[str, list[str]]:
    with farm.transaction(f"job {here.job_id}") as connection:
        mine = select(JobRow.__table__).where(JobRow.job_id == here.job_id).with_for_update()
        there = connection.execute(mine).one_or_none()
        if there is None or there.state in ENDED:
            return _ENDED_THERE, []
        now_s = database.now_s(connection)
        if there.state == RUNNING and _held(connection, there.worker_id, place, now_s):
            return _LEFT, []
        # A fence more: whoever had begun it there cannot end it any more.
        began = {"fence": there.fence + 1, "attempts": max(here.attempts, there.attempts)}
        if here.started_utc_s is not None:
            began["started_utc_s"] = _by_their_clock(here.started_utc_s, now_s)
        connection.execute(update(JobRow).where(JobRow.job_id == here.job_id).values(**began))
        state = CANCELLED if here.state == FAILED and there.cancelling else here.state
        ended_s = _by_their_clock(here.finished_utc_s, now_s)
        return here.state, end(connection, here.job_id, state, ended_s, reason=here.reason, result=here.result)


def _held(connection: Connection, worker_id: str, place: str, now_s: float) -> bool:
    """By a worker that lives, at another place."""
    free = free_workers(place, now_s).where(WorkerRow.worker_id == worker_id)
    return connection.execute(free).first() is None


def _by_their_clock(here_s: float, now_there_s: float) -> float:
    return min(here_s, time.time()) - time.time() + now_there_s
