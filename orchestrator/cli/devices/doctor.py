"""``earshot devices doctor``"""

from pathlib import Path

import click

from orchestrator.cli.options import json_option, lab_option, results_option
from orchestrator.cli.output import print_json, print_table
from orchestrator.errors import BadInput
from orchestrator.measure.lab.inventory import find_device, load_lab
from orchestrator.workflows.doctor import FIX, LOOK, UNDO, Visit, visit_all


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@lab_option
@click.option("--fix", is_flag=True, help="Make the changes that are shown, where they are permitted.")
@click.option("--undo", is_flag=True, help="Take back what quieted the device.")
@click.option("--observer", is_flag=True, help="Measure what Earshot's own sampler and journal cost, in about 20 s.")
@results_option
@json_option
def doctor(
    names: tuple[str, ...], lab: Path | None, fix: bool, undo: bool, observer: bool, results: Path, as_json: bool
) -> None:
    """Say what on a device harms a measurement, by how much, and which command fixes it.

    Looks at clocks, cores, heat, throttling, other load, memory, swap, disk, battery, doze, wall clock and wake-up
    error, versions. Without NAME: every device of the lab file, or this machine. What cannot be read is unknown, with
    the reason.

    With --fix it makes the changes, and writes the way back to the device's disk first; the end of the next run undoes
    them, or --undo. Root is used where the login has it, or by `sudo -n` where lab.toml says sudo = true; a password is
    never asked for and never sent. To quiet a device for one run only: earshot run ... --quiet-device.

    With --observer it takes the device for about 20 s and runs one fixed load with sampler and journal on and off in
    turn: what they take of a core, and whether they change the service time. The ledger keeps it, and the doctor tells
    it with its date from then on.

    A device in quarantine that has nothing harmful is let out.

    \b
    earshot devices doctor pi5 --lab lab.toml
    earshot devices doctor pi5 --lab lab.toml --observer
    earshot devices doctor pi5 --lab lab.toml --fix
    earshot devices doctor --undo
    """
    if fix and undo:
        raise BadInput("--fix and --undo cannot both be meant")
    from orchestrator.cli.progress import TerminalProgress
    from orchestrator.workflows.settings import require_results

    if observer:
        require_results(results)
        results.mkdir(parents=True, exist_ok=True)
    found = load_lab(lab)
    chosen = [find_device(found, name) for name in names] or [
        device for device in found.devices.values() if lab is None or device.name != "local"
    ]
    with TerminalProgress() as progress:
        action = FIX if fix else UNDO if undo else LOOK
        visits = visit_all(chosen, action, progress, results / "ledger.db", observer=observer)
    if as_json:
        print_json([_as_json(visit) for visit in visits])
    else:
        for visit in visits:
            _print(visit)
    errors = [visit.error for visit in visits if visit.error is not None]
    if errors:
        raise SystemExit(errors[0].exit_code)


def _as_json(visit: Visit) -> dict[str, object]:
    return {
        "device": visit.device,
        "error": visit.error.message if visit.error else None,
        "passed": visit.passed,
        "held_by": visit.held_by,
        "released_from_quarantine": visit.released,
        "undo_entries": visit.waiting,
        "observer": visit.on_off and {**vars(visit.on_off), "ratio": visit.on_off.ratio, "said": visit.on_off.said},
        "findings": [
            {
                "check": finding.check,
                "severity": finding.severity,
                "seen": finding.seen,
                "why": finding.why,
                "advice": finding.advice,
                "fix": [
                    {"argv": c.argv, "stdin": c.stdin, "root": c.needs_root, "shown": c.shown} for c in finding.fix
                ],
                "undo": [change.undo_shown for change in reversed(finding.fix)],
            }
            for finding in visit.findings
        ],
        "changes": [
            {"shown": outcome.change.shown, "undo": outcome.change.undo_shown, "problem": outcome.problem}
            for outcome in visit.outcomes
        ],
    }


def _print(visit: Visit) -> None:
    click.echo(f"{visit.device}" + (f" (held by {visit.held_by}: its load is part of this)" if visit.held_by else ""))
    if visit.error is not None:
        click.echo(f"  {visit.error.message}" + (f"\n  {visit.error.hint}" if visit.error.hint else ""))
        return
    print_table(["", "check", "seen"], [[f.severity, f.check, f.seen] for f in visit.findings])
    for finding in visit.findings:
        _print_remedy(finding.check, finding.why, [change.shown for change in finding.fix], finding.advice)
    for outcome in visit.outcomes:
        click.echo(f"  {'not done' if outcome.problem else 'done'}: {outcome.change.shown}")
        if outcome.problem:
            click.echo(f"    {outcome.problem}")
    if visit.waiting:
        click.echo("  changed here: undone after the next run, or by: earshot devices doctor --undo")
    if visit.released:
        click.echo("  passed: out of quarantine")
    click.echo()


def _print_remedy(check: str, why: str, commands: list[str], advice: str) -> None:
    if why:
        click.echo(f"  {check}: {why}")
    for command in commands:
        click.echo(f"    {command}")
    if advice:
        click.echo(f"    {advice}")
