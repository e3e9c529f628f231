"""How a job ends, and what that means for those that need it."""

from typing import Any

from sqlalchemy import Connection, exists, select, update
from sqlalchemy.orm import aliased

from orchestrator.domain.job import DONE, FAILED, OPEN, READY, WAITING
from orchestrator.ledger.farm_tables import JobRow, NeedRow


def end(
    connection: Connection,
    job_id: str,
    state: str,
    now_s: float,
    *,
    reason: str | None = None,
    result: dict[str, Any] | None = None,
) -> list[str]:
    """Queues in which a job became ready by it. Those that needed it, and cannot have it, fail, and so on.

    One that has ended already stays as it is.
    """
    ended = connection.execute(
        update(JobRow)
        .where(JobRow.job_id == job_id, JobRow.state.in_(OPEN))
        .values(state=state, finished_utc_s=now_s, reason=reason, result=result)
    )
    if not ended.rowcount:
        return []
    if state == DONE:
        return _release(connection, job_id)
    waiting = select(JobRow.job_id).join(NeedRow, NeedRow.job_id == JobRow.job_id)
    for row in connection.execute(waiting.where(NeedRow.needs == job_id, JobRow.state == WAITING)).all():
        end(connection, row.job_id, FAILED, now_s, reason=f"it needs job {job_id}, which is {state}: {reason}")
    return []


def _release(connection: Connection, job_id: str) -> list[str]:
    # Locked first: of two jobs that end at the same time, the second one sees that the first has ended.
    mine = select(JobRow.job_id).join(NeedRow, NeedRow.job_id == JobRow.job_id).where(NeedRow.needs == job_id)
    if not connection.execute(mine.order_by(JobRow.job_id).with_for_update(of=JobRow)).all():
        return []
    other = aliased(JobRow)
    unmet = (
        select(NeedRow.job_id)
        .join(other, other.job_id == NeedRow.needs)
        .where(NeedRow.job_id == JobRow.job_id, other.state != DONE)
    )
    freed = (
        select(JobRow.job_id, JobRow.queue)
        .join(NeedRow, NeedRow.job_id == JobRow.job_id)
        .where(NeedRow.needs == job_id, JobRow.state == WAITING, ~exists(unmet))
    )
    found = connection.execute(freed).all()
    for row in found:
        connection.execute(update(JobRow).where(JobRow.job_id == row.job_id).values(state=READY))
    return sorted({row.queue for row in found})
