"""``earshot report``"""

from pathlib import Path

import click

from orchestrator.cli.options import results_option
from orchestrator.workflows.again import report_again


@click.command()
@click.argument("study", required=False)
@results_option
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="report.html in the folder by default.")
def report(study: str | None, results: Path, output: Path | None) -> None:
    """Write the HTML report of STUDY (the newest finished one by default) from the ledger."""
    click.echo(str(report_again(results, study, output)))
