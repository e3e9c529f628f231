"""``earshot telemetry export``"""

import shlex
import socket
from pathlib import Path

import click

from orchestrator.cli.options import results_option
from orchestrator.errors import BadInput
from orchestrator.ledger.ledger import Ledger


@click.command()
@click.option(
    "--openmetrics",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The file to write.",
)
@click.option("--instance", help="Label that tells this lab from others; this machine's name by default.")
@results_option
def export(path: Path, instance: str | None, results: Path) -> None:
    """Write everything that was ever told as OpenMetrics text, to rebuild a Prometheus that was lost.

    promtool makes blocks of it, of any age, and a Prometheus that runs picks them up from its data folder. Native
    histograms and exemplars have no place in it.

    \b
    earshot telemetry export --openmetrics lab.om
    promtool tsdb create-blocks-from openmetrics lab.om /var/lib/prometheus/data
    """
    from orchestrator.ledger import outbox
    from orchestrator.measure.transports.base import whole_file
    from orchestrator.tell.telemetry.openmetrics import text
    from orchestrator.workflows.telemetry import collect

    if not path.parent.is_dir():
        raise BadInput(f"there is no folder {path.parent} for {path.name}", hint="make it first")
    lines = 0
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        collect(ledger)
        with whole_file(path) as file:
            for line in text(outbox.all_entries(ledger), instance or socket.gethostname()):
                file.write(line.encode())
                lines += not line.startswith("#")
    click.echo(f"{lines} samples in {path}")
    click.echo(f"next: promtool tsdb create-blocks-from openmetrics {shlex.quote(str(path))} DATA_FOLDER_OF_PROMETHEUS")
