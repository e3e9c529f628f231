"""What was submitted, shown; and what came of it, where somebody waits."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.output import print_json, print_table

if TYPE_CHECKING:
    from orchestrator.workflows.farm_submit import Submitted


def show_submitted(submitted: "Submitted", results: Path, wait: bool, as_json: bool) -> None:
    for warning in submitted.warnings:
        click.secho(f"note: {warning}", err=True, fg="yellow")
    order = submitted.order
    if as_json:
        print_json(
            {
                "order": order.order_id,
                "title": order.title,
                "user": order.user,
                "devices": submitted.devices,
                "jobs": [job.job_id for job in submitted.jobs],
                "new": submitted.new,
                "missing": submitted.missing,
                "warnings": submitted.warnings,
            }
        )
        return
    kinds = [job.kind for job in submitted.jobs]
    counted = ", ".join(f"{kinds.count(kind)} {kind}s" for kind in dict.fromkeys(kinds))
    click.secho(f"order {order.order_id}: {order.title}", bold=True)
    click.echo(f"{counted} on {len(submitted.devices)} devices")
    if submitted.missing:
        print_table(["missing", "why"], [[each.what, each.reason] for each in submitted.missing])
    click.echo(f"next:  earshot queue --order {order.order_id}")
