"""The noise floors of devices: every calibration stays, the newest counts."""

from sqlalchemy import insert, select

from agents.strict_json import to_json
from orchestrator.domain.calibration import Calibration
from orchestrator.ledger import rows
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.tables import CalibrationRow


def record_calibration(ledger: Ledger, found: Calibration) -> None:
    """Raises LedgerError for an id that is there already."""
    columns = ("calibration_id", "device", "model", "mode", "at_utc")
    values = {name: getattr(found, name) for name in columns}
    with ledger.transaction() as connection:
        connection.execute(insert(CalibrationRow).values(**values, record=to_json(found)))


def calibrations(ledger: Ledger, device: str | None = None) -> list[Calibration]:
    """Of one device or of all, oldest first."""
    wanted = select(CalibrationRow.__table__).order_by(CalibrationRow.at_utc, CalibrationRow.calibration_id)
    if device is not None:
        wanted = wanted.where(CalibrationRow.device == device)
    return [rows.load(Calibration, row.record, f"calibration {row.calibration_id}") for row in ledger.fetch(wanted)]


def calibration_for(ledger: Ledger, device: str, mode: str, model: str) -> Calibration | None:
    """The newest one of the device in this mode: of this model where there is one, else of any."""
    found = [each for each in calibrations(ledger, device) if each.mode == mode]
    of_model = [each for each in found if each.model == model] or found
    return of_model[-1] if of_model else None
