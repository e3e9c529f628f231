"""Closed-loop runs of native tools, in a table of their own: nothing that ranks sessions can come across them."""

from sqlalchemy import insert, select

from agents.strict_json import to_json
from orchestrator.domain.native import NativeSession
from orchestrator.ledger import rows
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.tables import NativeRow


def record_native(ledger: Ledger, session: NativeSession) -> None:
    """Raises LedgerError for an id that is there already."""
    columns = ("session_id", "device", "device_model", "tool", "model", "model_sha256", "mode", "started_utc")
    values = {name: getattr(session, name) for name in columns}
    with ledger.transaction() as connection:
        connection.execute(insert(NativeRow).values(**values, record=to_json(session)))


def native_sessions(ledger: Ledger, device: str | None = None) -> list[NativeSession]:
    """Of one device or of all, oldest first."""
    wanted = select(NativeRow.__table__).order_by(NativeRow.started_utc, NativeRow.session_id)
    if device is not None:
        wanted = wanted.where(NativeRow.device == device)
    return [rows.load(NativeSession, row.record, f"native session {row.session_id}") for row in ledger.fetch(wanted)]
