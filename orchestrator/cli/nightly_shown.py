"""How a night is printed: its plan before it, one page after it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli.output import number, print_json, print_table
from orchestrator.domain.cause import causes
from orchestrator.domain.night import NightTold

if TYPE_CHECKING:
    from orchestrator.workflows.night_tonight import Tonight
    from orchestrator.workflows.night_wanted import Shift


def show_plan(night: "Tonight", as_json: bool) -> None:
    if as_json:
        print_json(_plan_as_json(night))
        return
    found, plan = night.planned, night.plan
    click.echo(f"night of {night.at}, plan {plan.name}: {found.sessions} sessions on {len(found.shifts)} devices")
    for shift in found.shifts:
        click.echo()
        times = f"{_minutes(shift.night.expected_s)} of {_minutes(plan.budget_of(shift.device))} min"
        click.secho(f"{shift.device}: {len(shift.night.blocks)} runs of each, {times}", bold=True)
        print_table(["configuration", "a session s>"], [_row(shift, number_) for number_ in shift.night.taken])
    _print_missing([(each.what, each.reason) for each in found.missing])
    click.echo()
    click.echo(f"expected end: {night.expected_end:%H:%M} UTC ({_minutes(found.expected_s)} min), {_basis(night)}")
    most = max((shift.night.rerun_s for shift in found.shifts), default=0.0)
    click.echo(f"re-runs of what is suspect may take {_minutes(most)} min more; new exports come on top")


def show_night(told: NightTold, page: Path, as_json: bool) -> None:
    if as_json:
        print_json({"night": told, "page": str(page)})
        return
    record = told.record
    click.secho(f"night of {record.at}, plan {record.plan}", bold=True)
    click.echo(told.sentence)
    click.echo()
    print_table(
        ["device", "sessions>", "failed>", "min spent>", "of>"],
        [
            [d.device, f"{d.finished}/{d.expected}", str(d.failed), _minutes(d.spent_s), _minutes(d.budget_s)]
            for d in told.devices
        ],
    )
    _print_missing([(each.what, each.reason) for each in record.missing])
    _print_verdicts(told)
    if told.learning:
        click.echo(f"\n{told.learning} of {told.series} series have too few nights to be judged")
    if record.unjudged is not None:
        click.echo(f"\nnot judged: {record.unjudged}")
    for name in record.quarantined:
        click.secho(f"\n{name} is in quarantine now: earshot devices doctor {name} looks at it", bold=True)
    for note in told.notes:
        click.echo(f"\n{note}")
    click.echo(f"\npage: {page}")


def _print_verdicts(told: NightTold) -> None:
    for cause in causes([verdict for verdict in told.verdicts if verdict.kind != "dismissed"]):
        click.echo()
        click.secho(cause.said, bold=cause.alert)
    dismissed = sum(verdict.kind == "dismissed" for verdict in told.verdicts)
    if dismissed:
        click.echo(f"\n{dismissed} suspected and dismissed by a re-run (earshot regressions --all)")
    for rerun in told.reruns:
        what = " ".join(rerun.configuration[1:])
        reason = f": {rerun.reason}" if rerun.reason else ""
        click.echo(f"\nre-run of {what} on {rerun.configuration[0]}: {rerun.pairs} of {rerun.wanted} pairs{reason}")


def _print_missing(missing: list[tuple[str, str]]) -> None:
    if missing:
        click.echo()
        print_table(["missing", "why"], [list(each) for each in missing])


def _row(shift: "Shift", number_: int) -> list[str]:
    cost = shift.costs[number_]
    return [str(shift.wanted[number_]), number(cost.session_s) + (" (estimate)" if cost.estimated else "")]


def _basis(night: "Tonight") -> str:
    estimated, sessions = night.planned.estimated, night.planned.sessions
    if not estimated:
        return "by what such sessions took before"
    return f"{'all' if estimated == sessions else f'{estimated} of {sessions}'} sessions are estimates"


def _minutes(seconds: float) -> str:
    return number(seconds / 60.0)


def _plan_as_json(night: "Tonight") -> dict[str, Any]:
    found = night.planned
    return {
        "plan": night.plan.name,
        "night": night.at,
        "expected_end_utc": night.expected_end.isoformat(timespec="seconds"),
        "expected_s": found.expected_s,
        "sessions": found.sessions,
        "estimated_sessions": found.estimated,
        "devices": [
            {
                "device": shift.device,
                "runs": len(shift.night.blocks),
                "expected_s": shift.night.expected_s,
                "rerun_s": shift.night.rerun_s,
                "configurations": [
                    {
                        "configuration": str(shift.wanted[n]),
                        "session_s": shift.costs[n].session_s,
                        "estimated": shift.costs[n].estimated,
                    }
                    for n in shift.night.taken
                ],
            }
            for shift in found.shifts
        ],
        "missing": list(found.missing),
    }
