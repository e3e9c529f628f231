"""Ledgers of simulated farms: nothing real may be in them, and what is in them is counted order by order."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, func, select

from orchestrator.domain.job import DONE
from orchestrator.errors import BadInput
from orchestrator.ledger.farm_tables import JobRow, OrderRow
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.tables import ArrayRow, NativeRow, NightRow, SessionRow, StudyRow

# ``StudyRow.settings["workflow"]`` of all that is in such a ledger.
SIMULATION = "farm simulate"


def require_simulated(ledger: Ledger) -> None:
    """Raises BadInput for a ledger that has anything that was measured, or was ordered by anybody."""
    real = (
        ("studies", select(StudyRow).where(_other(StudyRow.settings["workflow"].as_string()))),
        ("nights", select(NightRow)),
        ("sessions of native tools", select(NativeRow)),
        ("orders", select(OrderRow).where(_other(OrderRow.record["workflow"].as_string()))),
    )
    with ledger.snapshot() as connection:
        for what, rows in real:
            if connection.execute(select(exists(rows))).scalar_one():
                raise BadInput(
                    f"the ledger {ledger.place} has real {what}, and a simulation would write twins beside them",
                    hint="give it a database, or a folder, of its own: --ledger",
                )


def _other(workflow: ColumnElement[str]) -> ColumnElement[bool]:
    return func.coalesce(workflow, "") != SIMULATION


@dataclass(frozen=True)
class Ended:
    """``states``: jobs by their state. ``again``: how often one was begun beyond its first time. ``last_utc_s``: when
    the last one ended, by the database's clock. ``reasons``: some of those why jobs did not become done.
    """

    states: dict[str, int]
    again: int
    last_utc_s: float | None
    reasons: tuple[str, ...]


def ended(ledger: Ledger, order_ids: Iterable[str]) -> Ended:
    ids = list(order_ids)
    counted = select(
        JobRow.state,
        func.count().label("n"),
        func.max(JobRow.finished_utc_s).label("last"),
        func.sum(JobRow.attempts - 1).label("again"),
    )
    with ledger.snapshot() as connection:
        rows = connection.execute(counted.where(JobRow.order_id.in_(ids)).group_by(JobRow.state)).all()
        why = select(JobRow.reason).where(JobRow.order_id.in_(ids), JobRow.state != DONE, JobRow.reason.is_not(None))
        reasons = connection.execute(why.distinct().limit(5)).scalars().all()
    last = [row.last for row in rows if row.last is not None]
    again = sum(max(0, row.again or 0) for row in rows)
    return Ended({row.state: row.n for row in rows}, int(again), max(last, default=None), tuple(map(str, reasons)))


def recorded(ledger: Ledger, order_ids: Iterable[str]) -> list[tuple[str, str, str]]:
    """(session id, device, outcome) of all that was recorded of these orders."""
    found = select(SessionRow.session_id, SessionRow.device, SessionRow.outcome)
    mine = found.join(StudyRow, StudyRow.study_id == SessionRow.study_id).where(
        StudyRow.settings["order"].as_string().in_(list(order_ids))
    )
    return [(row.session_id, row.device, row.outcome) for row in ledger.fetch(mine)]


def stored_bytes(ledger: Ledger) -> int:
    """Of the raw arrays, as they are stored."""
    return int(ledger.fetch(select(func.coalesce(func.sum(func.length(ArrayRow.blob)), 0).label("n")))[0].n)
