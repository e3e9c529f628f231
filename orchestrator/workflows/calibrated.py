"""What the ledger knows of a device's power sensors, put beside what its probe says of them."""

from dataclasses import replace

from agents.device_facts import DeviceProbe, SensorProbe
from orchestrator.domain.power_calibration import PowerCalibration
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.power_calibrations import newest_power_calibrations
from orchestrator.workflows.progress import Progress


def with_calibrations(
    probe: DeviceProbe, ledger: Ledger | None, device: str, device_model: str, progress: Progress
) -> DeviceProbe:
    """The probe with each power sensor's newest calibration: it goes into the environment of every session from now on.

    A stale one is applied too, and warned about.
    """
    known = newest_power_calibrations(ledger, device, device_model) if ledger else {}
    if not known:
        return probe
    for found in known.values():
        if found.stale:
            progress.note(
                f"{found.sensor} of {device} was calibrated {found.age_days():.0f} days ago: "
                f"earshot power calibrate --device {device} does it again"
            )
    return replace(probe, sensors=tuple(_calibrated(sensor, known.get(sensor.name)) for sensor in probe.sensors))


def _calibrated(sensor: SensorProbe, found: PowerCalibration | None) -> SensorProbe:
    if found is None or not sensor.usable or sensor.quantity != found.quantity:
        return sensor
    return replace(sensor, calibrated=True, calibration=found.line())
