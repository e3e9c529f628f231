"""The nights of plans: one record a plan and night, the newest state of it."""

from sqlalchemy import delete, insert, select

from agents.strict_json import to_json
from orchestrator.domain.night import NightRecord
from orchestrator.ledger import rows
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.tables import NightRow


def record_night(ledger: Ledger, night: NightRecord) -> None:
    """In place of what the ledger had of this plan and night."""
    columns = ("plan", "at", "started_utc", "finished_utc")
    values = {name: getattr(night, name) for name in columns}
    with ledger.transaction() as connection:
        connection.execute(delete(NightRow).where(NightRow.plan == night.plan, NightRow.at == night.at))
        connection.execute(insert(NightRow).values(**values, record=to_json(night)))


def nights(ledger: Ledger, plan: str | None = None) -> list[NightRecord]:
    """Of one plan or of all, oldest first."""
    wanted = select(NightRow.__table__).order_by(NightRow.at, NightRow.started_utc, NightRow.plan)
    if plan is not None:
        wanted = wanted.where(NightRow.plan == plan)
    return [rows.load(NightRecord, row.record, f"night {row.at} of {row.plan}") for row in ledger.fetch(wanted)]


def last_success(ledger: Ledger, plan: str) -> NightRecord | None:
    """The newest complete night; None where there was none yet."""
    complete = [night for night in nights(ledger, plan) if night.complete]
    return complete[-1] if complete else None
