"""Power sensors against better meters: every calibration stays, the newest of a sensor counts."""

from sqlalchemy import insert, select

from agents.strict_json import to_json
from orchestrator.domain.power_calibration import PowerCalibration
from orchestrator.ledger import rows
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.tables import PowerCalibrationRow


def record_power_calibration(ledger: Ledger, found: PowerCalibration) -> None:
    with ledger.transaction() as connection:
        values = {"device": found.device, "sensor": found.sensor, "at_utc": found.at_utc, "record": to_json(found)}
        connection.execute(insert(PowerCalibrationRow).values(values))


def power_calibrations(ledger: Ledger, device: str | None = None) -> list[PowerCalibration]:
    """Of one device or of all, oldest first."""
    wanted = select(PowerCalibrationRow.__table__).order_by(PowerCalibrationRow.at_utc, PowerCalibrationRow.number)
    if device is not None:
        wanted = wanted.where(PowerCalibrationRow.device == device)
    return [rows.load(PowerCalibration, row.record, f"power calibration {row.number}") for row in ledger.fetch(wanted)]


def newest_power_calibrations(ledger: Ledger, device: str, device_model: str) -> dict[str, PowerCalibration]:
    """By sensor. Those of another device that had this name once are left out."""
    return {c.sensor: c for c in power_calibrations(ledger, device) if c.device_model == device_model}
