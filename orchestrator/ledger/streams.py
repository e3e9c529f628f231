"""How many streams devices hold: every search stays, the newest counts."""

from sqlalchemy import delete, insert, select

from agents.strict_json import to_json
from orchestrator.domain.streams_held import StreamsHeld
from orchestrator.ledger import rows
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.tables import StreamsHeldRow


def record_streams_held(ledger: Ledger, found: StreamsHeld) -> None:
    """One per study; the newest stays."""
    columns = ("study_id", "device", "model", "candidate_key", "at_utc")
    values = {name: getattr(found, name) for name in columns}
    with ledger.transaction() as connection:
        connection.execute(delete(StreamsHeldRow).where(StreamsHeldRow.study_id == found.study_id))
        connection.execute(insert(StreamsHeldRow).values(**values, record=to_json(found)))


def streams_held(ledger: Ledger, device: str | None = None, model: str | None = None) -> list[StreamsHeld]:
    """Of one device and model or of all, oldest first."""
    wanted = select(StreamsHeldRow.__table__).order_by(StreamsHeldRow.at_utc, StreamsHeldRow.study_id)
    if device is not None:
        wanted = wanted.where(StreamsHeldRow.device == device)
    if model is not None:
        wanted = wanted.where(StreamsHeldRow.model == model)
    return [rows.load(StreamsHeld, row.record, f"streams held of {row.study_id}") for row in ledger.fetch(wanted)]
