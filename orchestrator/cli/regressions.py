"""``earshot regressions``"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import json_option, results_option
from orchestrator.cli.output import number, print_json, print_table
from orchestrator.domain.cause import causes

if TYPE_CHECKING:
    from orchestrator.domain.regression import Verdict
    from orchestrator.workflows.regressions import Regressions

# The exit code where the night has an alert: a cron job or a CI step can stand on it.
ALERT_CODE = 9


@click.command()
@click.option("--model", help="Only series of this model.")
@click.option("--reference", help="The model that is never changed: where it moves, the device did.")
@click.option("--night", help="Judge this night (YYYY-MM-DD, the date on which it began); the last one by default.")
@click.option("--all", "everything", is_flag=True, help="Also what was suspected and dismissed.")
@results_option
@json_option
def regressions(
    model: str | None, reference: str | None, night: str | None, everything: bool, results: Path, as_json: bool
) -> None:
    """Judge a night: what became slower, larger or worse on which device, since when, and what changed then.

    Every configuration that the ledger has on a device is a series: one night from noon to noon UTC, several process
    runs a night. A night that is off what was usual makes a series suspect, which pages nobody. An alert takes a
    re-run of the old artifact against the new one in the same night, or a change that lasts over nights. Each verdict
    states the rate of false alarms that it was tuned for. The exit code is 9 where the night has an alert, else 0.

    \b
    earshot regressions
    earshot regressions --reference digits --night 2026-11-20
    earshot regressions --model kws --json
    """
    from orchestrator.workflows.regressions import regressions as judge

    found = judge(results, model=model, reference=reference, night=night)
    if as_json:
        print_json(found)
    else:
        _print(found, everything)
    if found.alerts:
        click.get_current_context().exit(ALERT_CODE)


def _print(found: "Regressions", everything: bool) -> None:
    learning = f", of which {found.learning} have too few nights yet" if found.learning else ""
    click.echo(f"night of {found.night}: {found.series} series{learning}")
    shown = [verdict for verdict in found.told if everything or verdict.kind != "dismissed"]
    if shown:
        click.echo()
        print_table(["verdict", "metric", "what", "device", "new / old>", "since", "known by"], map(_row, shown))
    for cause in causes(shown):
        click.echo()
        click.secho(cause.said, bold=cause.alert)
        if cause.alert:
            click.echo(f"false alarms: {_rate(max(cause.verdicts, key=lambda each: each.false_alarms_per_100))}")
    for request in found.asked:
        click.echo()
        what = " ".join(request.configuration[1:])
        click.echo(
            f"to decide: {request.pairs} interleaved pairs of {what} on {request.configuration[0]}, artifact "
            f"{request.old.artifact[:12]} ({request.old.at}) against {request.new.artifact[:12]} ({request.new.at})"
        )
    if not shown:
        click.echo("nothing is off what was usual")
    for cause in causes(found.before):
        click.echo(f"told on {cause.verdicts[0].at}: {cause.said}")


def _rate(verdict: "Verdict") -> str:
    if verdict.false_alarms_per_100 == 0.0:
        return "none, this figure has no noise"
    return f"at most {number(verdict.false_alarms_per_100)} in 100 nights of a series without a change"


def _row(verdict: "Verdict") -> list[str]:
    key, effect = verdict.key, verdict.effect
    value = "-" if effect.value is None else number(effect.value) if verdict.relative else f"{effect.value:+.4f}"
    span = "" if effect.low is None or effect.high is None else f" [{number(effect.low)}..{number(effect.high)}]"
    metric = key.metric if verdict.aspect == "level" else f"{key.metric} ({verdict.aspect})"
    known_by = verdict.confirmed_by or "-"
    return [
        verdict.kind,
        metric,
        f"{key.model} {key.precision}",
        key.device,
        value + span,
        str(verdict.since),
        known_by,
    ]
