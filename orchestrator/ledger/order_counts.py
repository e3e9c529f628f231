"""How far orders are, counted by the database: one may have thousands of jobs."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from orchestrator.domain.job import OPEN
from orchestrator.ledger.farm_tables import JobRow, NeedRow
from orchestrator.ledger.ledger import Ledger

# state -> jobs
Counts = dict[str, int]


def by_order(ledger: Ledger, order_ids: Sequence[str] | None = None) -> dict[str, Counts]:
    """None: of all orders."""
    wanted = select(JobRow.order_id, JobRow.state, func.count().label("n")).group_by(JobRow.order_id, JobRow.state)
    if order_ids is not None:
        wanted = wanted.where(JobRow.order_id.in_(order_ids))
    found: dict[str, Counts] = {}
    for row in ledger.fetch(wanted):
        found.setdefault(row.order_id, {})[row.state] = row.n
    return found


def left(ledger: Ledger, order_id: str, queue: str) -> int:
    """Open jobs of the order in the queue."""
    mine = (JobRow.order_id == order_id, JobRow.queue == queue, JobRow.state.in_(OPEN))
    return int(ledger.fetch(select(func.count()).where(*mine))[0][0])


def needed_elsewhere(ledger: Ledger, order_id: str) -> frozenset[str]:
    """Jobs of the order that open jobs of others need."""
    needed, by = aliased(JobRow), aliased(JobRow)
    wanted = (
        select(needed.job_id)
        .join(NeedRow, NeedRow.needs == needed.job_id)
        .join(by, by.job_id == NeedRow.job_id)
        .where(needed.order_id == order_id, by.order_id != order_id, by.state.in_(OPEN))
    )
    return frozenset(row.job_id for row in ledger.fetch(wanted))
