"""``earshot power``: calibrate a device's own power sensor, show what is known of it."""

from pathlib import Path

import click

from orchestrator.cli.options import json_option, lab_option, results_option, wait_option
from orchestrator.cli.output import number, print_json, print_table
from orchestrator.cli.progress import TerminalProgress
from orchestrator.domain.power_calibration import STALE_DAYS, PowerCalibration
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.power_calibrations import power_calibrations
from orchestrator.workflows.power_calibration import CalibrateSettings, calibrate_power


@click.group()
def power() -> None:
    """Calibrate the power sensors of devices against a better meter."""


@power.command()
@click.option("--device", required=True, help="A device of the lab.")
@click.option(
    "--reference",
    required=True,
    metavar="METER",
    help="The better meter: its kind where lab.toml gives the device one of that kind, or a whole table, such as "
    "'kind = \"ina226\", shunt_ohm = 0.1'.",
)
@click.option("--sensor", help="The device's sensor; the one that energy is taken from by default.")
@click.option("--seconds", type=float, default=15.0, show_default=True, help="At each load.")
@lab_option
@wait_option
@results_option
@json_option
def calibrate(
    device: str,
    reference: str,
    sensor: str | None,
    seconds: float,
    lab: Path | None,
    wait_s: float,
    results: Path,
    as_json: bool,
) -> None:
    """Compare a device's own power sensor with a better meter and keep the line between them.

    Loads from idle to all cores busy, up and down again, with both read beside them; then a straight line, with what
    it leaves. Later sessions on this device are corrected by it and say that they are calibrated. Do it again after a
    change of the board or its supply, and twice a year: until then there is a warning.

    \b
    earshot power calibrate --device pi5 --lab lab.toml --reference ina226
    earshot power calibrate --device orin --lab lab.toml --reference 'kind = "shelly", host = "192.168.1.40"'
    """
    settings = CalibrateSettings(device, reference, lab, results, sensor, seconds, wait_s)
    with TerminalProgress() as progress:
        found = calibrate_power(settings, progress)
    if as_json:
        print_json(found)
        return
    print_table(
        ["load", f"{found.sensor} W>", "reference W>", "readings>"],
        [
            [
                level.load,
                number(level.sensor_w),
                number(level.reference_w),
                f"{level.sensor_readings}, {level.reference_readings}",
            ]
            for level in found.levels
        ],
    )
    click.echo(f"\n{_sentence(found)}")


@power.command("list")
@click.option("--device", help="Only this one.")
@results_option
@json_option
def list_(device: str | None, results: Path, as_json: bool) -> None:
    """Show the calibrations in the ledger, oldest first; the newest of a sensor counts."""
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        found = power_calibrations(ledger, device)
    if as_json:
        print_json(found)
        return
    print_table(
        ["device", "sensor", "line", "leaves>", "reference", "when", ""],
        [
            [
                each.device,
                each.sensor,
                f"{each.slope:.4g} x {each.offset_w:+.3g} W",
                f"{number(each.residual_w)} W",
                each.reference,
                each.at_utc,
                f"stale: older than {STALE_DAYS} days" if each.stale else "",
            ]
            for each in found
        ],
    )


def _sentence(found: PowerCalibration) -> str:
    scopes = (
        ""
        if found.scope == found.reference_scope
        else (
            f"; it measures the {found.scope} and the reference the {found.reference_scope}: the line also holds what "
            "lies between them, which the load need not move alike"
        )
    )
    return (
        f"{found.reference} = {found.slope:.4g} [{found.slope_low:.4g}..{found.slope_high:.4g}] x {found.sensor} "
        f"{found.offset_w:+.3g} W [{found.offset_low_w:+.3g}..{found.offset_high_w:+.3g}], leaving "
        f"{number(found.residual_w)} W{scopes}"
    )
