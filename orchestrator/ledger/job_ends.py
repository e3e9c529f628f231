"""How a job ends, and what that means for those that need it."""

from typing import Any

from sqlalchemy import Connection, Float, String, bindparam, exists, select, update
from sqlalchemy.orm import aliased

from orchestrator.domain.job import DONE, FAILED, OPEN, READY, RUNNING, WAITING
from orchestrator.ledger.farm_tables import JobRow, NeedRow

_JOB, _NOW = bindparam("the_job", type_=String), bindparam("now_s", type_=Float)
_RESULT = bindparam("the_result", type_=JobRow.__table__.c.result.type)
_ENDED = (
    update(JobRow)
    .where(JobRow.job_id == _JOB, JobRow.state.in_(OPEN))
    .values(state=bindparam("the_state"), finished_utc_s=_NOW, reason=bindparam("the_reason"), result=_RESULT)
)
_DONE = (
    update(JobRow)
    .where(JobRow.job_id == _JOB, JobRow.state == RUNNING, JobRow.fence == bindparam("the_fence"))
    .values(state=DONE, finished_utc_s=_NOW, reason=None, result=_RESULT)
)
_NEEDING = (
    select(JobRow.job_id)
    .join(NeedRow, NeedRow.job_id == JobRow.job_id)
    .where(NeedRow.needs == _JOB)
    .order_by(JobRow.job_id)
    .with_for_update(of=JobRow)
)


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
    ended = {"the_job": job_id, "the_state": state, "now_s": now_s, "the_reason": reason, "the_result": result}
    if not connection.execute(_ENDED, ended).rowcount:
        return []
    if state == DONE:
        return _release(connection, job_id)
    waiting = select(JobRow.job_id).join(NeedRow, NeedRow.job_id == JobRow.job_id)
    for row in connection.execute(waiting.where(NeedRow.needs == job_id, JobRow.state == WAITING)).all():
        end(connection, row.job_id, FAILED, now_s, reason=f"it needs job {job_id}, which is {state}: {reason}")
    return []


def done(connection: Connection, job_id: str, fence: int, now_s: float, result: dict[str, Any]) -> list[str] | None:
    """As ``end`` of one that runs under this fence. None: it does not, and stays as it is."""
    ended = {"the_job": job_id, "the_fence": fence, "now_s": now_s, "the_result": result}
    return _release(connection, job_id) if connection.execute(_DONE, ended).rowcount else None


def _release(connection: Connection, job_id: str) -> list[str]:
    # Locked first: of two jobs that end at the same time, the second one sees that the first has ended.
    if not connection.execute(_NEEDING, {"the_job": job_id}).all():
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
