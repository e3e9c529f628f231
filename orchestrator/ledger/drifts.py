"""State drifts of artifacts: every measurement stays, the newest counts."""

from datetime import UTC, datetime

from sqlalchemy import insert, select

from agents.strict_json import to_json
from orchestrator.domain.state_drift import DriftReport
from orchestrator.ledger import rows
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.tables import DriftRow


def record_drift(ledger: Ledger, report: DriftReport) -> None:
    values = {
        "artifact_sha256": report.artifact_sha256,
        "model": report.model,
        "at_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "record": to_json(report),
    }
    with ledger.transaction() as connection:
        connection.execute(insert(DriftRow).values(**values))


def drift_of(ledger: Ledger, artifact_sha256: str) -> DriftReport | None:
    """The newest one of these bytes."""
    wanted = select(DriftRow.__table__).where(DriftRow.artifact_sha256 == artifact_sha256)
    found = ledger.fetch(wanted.order_by(DriftRow.number.desc()).limit(1))
    return rows.load(DriftReport, found[0].record, f"drift of {artifact_sha256[:12]}") if found else None
