"""What each device was when it was measured last."""

from sqlalchemy import func, select

from orchestrator.domain.session import Environment
from orchestrator.ledger import rows
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.tables import EnvironmentRow, SessionRow


def latest_environments(ledger: Ledger) -> dict[str, Environment]:
    """By device: the environment of its newest session."""
    newest = select(SessionRow.device, func.max(SessionRow.started_utc).label("at")).group_by(SessionRow.device)
    latest = newest.subquery()
    statement = (
        select(SessionRow.device, EnvironmentRow.sha256, EnvironmentRow.record)
        .join(EnvironmentRow, EnvironmentRow.sha256 == SessionRow.environment_sha256)
        .join(latest, (latest.c.device == SessionRow.device) & (latest.c.at == SessionRow.started_utc))
    )
    found = {row.device: row for row in ledger.fetch(statement)}
    return {name: rows.load(Environment, row.record, f"environment {row.sha256[:12]}") for name, row in found.items()}
