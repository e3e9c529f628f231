"""What the inner loop of a study tried: one record a study, as it stands by now."""

from sqlalchemy import delete, insert, select

from agents.strict_json import to_json
from orchestrator.domain.rounds import Rounds
from orchestrator.ledger import rows
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.tables import RoundsRow


def record_rounds(ledger: Ledger, found: Rounds) -> None:
    """In place of what was recorded of that study."""
    with ledger.transaction() as connection:
        connection.execute(delete(RoundsRow).where(RoundsRow.study_id == found.study_id))
        connection.execute(insert(RoundsRow).values(study_id=found.study_id, record=to_json(found)))


def rounds_of(ledger: Ledger, study_id: str) -> Rounds | None:
    """None where the study has no such loop, or did not get to it."""
    found = ledger.fetch(select(RoundsRow.__table__).where(RoundsRow.study_id == study_id))
    return rows.load(Rounds, found[0].record, f"rounds of {study_id}") if found else None
