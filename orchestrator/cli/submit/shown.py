"""What was submitted, shown; and what came of it, where somebody waits."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli.output import print_json, print_table
from orchestrator.cli.submit.waited import outcome_as_json, show_outcome, waited

if TYPE_CHECKING:
    from orchestrator.workflows.farm.submit import Submitted


def show_submitted(submitted: "Submitted", results: Path, wait: bool, as_json: bool) -> None:
    """With ``wait``, once all of it has ended. Raises DeviceError then where anything of it was not done."""
    for warning in submitted.warnings:
        click.secho(f"note: {warning}", err=True, fg="yellow")
    order_id = submitted.order.order_id
    if as_json:
        outcome = waited(results, submitted) if wait else None
        told = outcome_as_json(outcome) if outcome else {}
        print_json({**_as_json(submitted), **told})
        if outcome:
            outcome.require_all_done()
        return
    _show(submitted)
    if not wait:
        click.echo(f"next:  earshot queue --order {order_id}")
        return
    outcome = waited(results, submitted)
    show_outcome(outcome)
    outcome.require_all_done()


def _show(submitted: "Submitted") -> None:
    order = submitted.order
    click.secho(f"order {order.order_id}: {order.title}", bold=True)
    kinds = [job.kind for job in submitted.jobs]
    counted = ", ".join(_counted(kinds.count(kind), kind) for kind in dict.fromkeys(kinds))
    where = f" on {_counted(len(submitted.devices), 'device')}" if submitted.devices else ""
    known = len(submitted.jobs) - len(submitted.new)
    click.echo(f"{counted}{where}{f'; {known} of them the farm has or does already' if known else ''}")
    if submitted.missing:
        print_table(["missing", "why"], [[each.what, each.reason] for each in submitted.missing])


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _as_json(submitted: "Submitted") -> dict[str, Any]:
    order = submitted.order
    return {
        "order": order.order_id,
        "title": order.title,
        "user": order.user,
        "devices": submitted.devices,
        "jobs": [job.job_id for job in submitted.jobs],
        "new": submitted.new,
        "missing": submitted.missing,
        "warnings": submitted.warnings,
    }
