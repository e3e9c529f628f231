"""``earshot telemetry``: a file per verb."""

import click

from orchestrator.cli.lazy import lazy_group

VERBS = {
    "push": ("orchestrator.cli.telemetry.push:push", "Write what happened to a Prometheus, exactly once."),
    "status": ("orchestrator.cli.telemetry.status:status", "Show what each server was told and what waits."),
    "forget": ("orchestrator.cli.telemetry.status:forget", "Forget a server that is no more."),
    "serve": ("orchestrator.cli.telemetry.serve:serve", "Serve the farm's live state as /metrics."),
    "export": ("orchestrator.cli.telemetry.export:export", "Write all of it as OpenMetrics, to rebuild a Prometheus."),
}


@click.group(cls=lazy_group(VERBS))
def telemetry() -> None:
    """Tell Prometheus what the ledger knows, and how the farm is doing."""
