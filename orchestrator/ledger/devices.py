"""What the ledger knows of the devices behind the lab's names."""

from sqlalchemy import func, select

from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.tables import SessionRow


def models_of(ledger: Ledger, device: str) -> list[str]:
    """The device models that sessions under this name ran on, the one of the newest session last."""
    newest = func.max(SessionRow.started_utc)
    found = (
        select(SessionRow.device_model)
        .where(SessionRow.device == device)
        .group_by(SessionRow.device_model)
        .order_by(newest, SessionRow.device_model)
    )
    return [row.device_model for row in ledger.fetch(found)]


def last_seen(ledger: Ledger) -> dict[str, tuple[str, str]]:
    """When each device began its newest session (UTC, ISO 8601), and which device model it was then."""
    ordered = select(SessionRow.device, SessionRow.started_utc, SessionRow.device_model)
    newest = select(SessionRow.device, func.max(SessionRow.started_utc).label("at")).group_by(SessionRow.device)
    last = newest.subquery()
    found = ordered.join(last, (SessionRow.device == last.c.device) & (SessionRow.started_utc == last.c.at))
    return {row.device: (row.started_utc, row.device_model) for row in ledger.fetch(found)}
