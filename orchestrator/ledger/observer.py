"""What observing does to a device: every measurement stays, the newest counts."""

from sqlalchemy import insert, select

from agents.strict_json import to_json
from orchestrator.domain.observer import OnOff
from orchestrator.ledger import rows
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.tables import OnOffRow


def record_on_off(ledger: Ledger, found: OnOff) -> None:
    with ledger.transaction() as connection:
        values = {"device": found.device, "at_utc": found.at_utc, "record": to_json(found)}
        connection.execute(insert(OnOffRow).values(values))


def on_off_of(ledger: Ledger, device: str) -> OnOff | None:
    """The newest one of the device; None where it was never measured."""
    wanted = select(OnOffRow.__table__).where(OnOffRow.device == device).order_by(OnOffRow.at_utc, OnOffRow.number)
    found = ledger.fetch(wanted)
    return rows.load(OnOff, found[-1].record, f"observer measurement {found[-1].number}") if found else None
