"""``earshot nightly``"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import json_option, lab_option, results_option
from orchestrator.errors import BadInput

if TYPE_CHECKING:
    from orchestrator.workflows.night_settings import NightSettings

# As `earshot regressions`: a cron job or a CI step can stand on it. An alert goes before a gap.
ALERT_CODE, INCOMPLETE_CODE = 9, 10


@click.command()
@click.argument("plan", type=click.Path(path_type=Path))
@lab_option
@click.option("--dry-run", is_flag=True, help="Show the plan with its expected end; reach no device, record nothing.")
@click.option("--init", is_flag=True, help="Write a plan to start from to PLAN, which must not be there yet.")
@click.option("--systemd", is_flag=True, help="Print a service and a timer that run this plan every night.")
@click.option("--cron", is_flag=True, help="Print a line for crontab instead.")
@click.option("--start", default="22:00", show_default=True, help="When the timer starts the night: HH:MM UTC.")
@click.option(
    "--install-to",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the unit files into this folder instead of printing them, such as ~/.config/systemd/user.",
)
@results_option
@json_option
@click.pass_context
def nightly(
    context: click.Context,
    plan: Path,
    lab: Path | None,
    dry_run: bool,
    init: bool,
    systemd: bool,
    cron: bool,
    start: str,
    install_to: Path | None,
    results: Path,
    as_json: bool,
) -> None:
    """Measure PLAN's models on its devices tonight, judge them, and re-run what is suspect.

    All devices work at the same time, each within its budget, every configuration in turns with the others. Then the
    night is judged as `earshot regressions` does it. What is suspect is run again at once, last week's artifact against
    tonight's in turns on the same device; what that confirms is an alert. Where the reference model moved, the device
    did, and goes into quarantine. A night with missing devices says so and still finishes.

    A night goes from noon to noon UTC. After Ctrl-C, a kill or a power cut the same command goes on with it; what is in
    the ledger is not measured again. The page of the night is RESULTS/night.html.

    The exit code is 0 after a quiet and complete night, 9 with an alert, 10 where something is missing or late.

    \b
    earshot nightly desk.toml --init
    earshot nightly desk.toml --lab lab.toml --dry-run
    earshot nightly desk.toml --lab lab.toml
    earshot nightly desk.toml --lab lab.toml --systemd --start 21:30 --install-to ~/.config/systemd/user
    """
    from orchestrator.workflows.night_settings import NightSettings

    if sum((dry_run, init, systemd, cron)) > 1:
        raise click.UsageError("--dry-run, --init, --systemd and --cron each do something else: give one of them")
    if install_to is not None and not systemd:
        raise click.UsageError("--install-to is for --systemd")
    settings = NightSettings(plan, lab, results)
    if init:
        _init(plan, lab)
    elif systemd or cron:
        _schedule(settings, start, systemd, install_to)
    elif dry_run:
        from orchestrator.cli.nightly_shown import show_plan
        from orchestrator.workflows.night_tonight import planned_night

        show_plan(planned_night(settings), as_json)
    else:
        context.exit(_run(settings, as_json))


def _run(settings: "NightSettings", as_json: bool) -> int:
    from orchestrator.cli.nightly_shown import show_night
    from orchestrator.cli.progress import TerminalProgress
    from orchestrator.workflows.nightly import PAGE
    from orchestrator.workflows.nightly import nightly as run_night

    with TerminalProgress() as progress:
        told = run_night(settings, progress)
    show_night(told, settings.results / PAGE, as_json)
    if told.alerts:
        return ALERT_CODE
    return 0 if told.record.complete else INCOMPLETE_CODE


def _init(plan: Path, lab: Path | None) -> None:
    from orchestrator.measure.lab.inventory import load_lab
    from orchestrator.workflows.night_template import write_template

    write_template(plan, load_lab(lab))
    click.echo(f"wrote {plan}; see what it means with: earshot nightly {plan} --dry-run")


def _schedule(settings: "NightSettings", start: str, systemd: bool, install_to: Path | None) -> None:
    from orchestrator.workflows.night_tonight import planned_night
    from orchestrator.workflows.night_units import cron_line, night_units, write_units

    # A timer for a plan that cannot be used would fail at night.
    planned_night(settings)
    if not systemd:
        click.echo(cron_line(settings, start), nl=False)
        return
    units = night_units(settings, start)
    if install_to is None:
        for name, text in units.items():
            click.echo(f"# {name}\n{text}")
        return
    try:
        write_units(install_to, units)
    except OSError as exc:
        raise BadInput(f"cannot write into {install_to}: {exc.strerror}", hint="choose another --install-to") from exc
    timer = next(name for name in units if name.endswith(".timer"))
    click.echo(f"wrote {' and '.join(units)} into {install_to}")
    click.echo(f"next:  systemctl --user daemon-reload && systemctl --user enable --now {timer}")
