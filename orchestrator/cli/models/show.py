"""``earshot models show``."""

from pathlib import Path

import click

from orchestrator.cli.models.list import summary
from orchestrator.cli.options import results_option
from orchestrator.cli.output import print_json
from orchestrator.make.models.library import find_model


@click.command()
@click.argument("model")
@results_option
def show(model: str, results: Path) -> None:
    """Print the stream contract of MODEL as JSON."""
    print_json(summary(find_model(model, results / "models")))
