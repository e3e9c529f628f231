"""``earshot models``: a file per verb."""

import click

from orchestrator.cli.lazy import lazy_group

VERBS = {
    "list": ("orchestrator.cli.models.list:list_", "Show the reference models and those imported before."),
    "show": ("orchestrator.cli.models.show:show", "Print the stream contract of a model as JSON."),
    "init": ("orchestrator.cli.models.init:init", "Write a template for a PyTorch model of your own."),
    "import": ("orchestrator.cli.models.import_:import_", "Import a graph: find its states, show the contract."),
    "check": ("orchestrator.cli.models.check:check", "A table of models and recipes: made, proven, run, scored."),
    "export": ("orchestrator.cli.models.export:export", "Export a model by each recipe and prove each artifact."),
    "train": ("orchestrator.cli.models.train:train", "Train a model, or fine-tune it for int8 (--qat)."),
}


@click.group(cls=lazy_group(VERBS))
def models() -> None:
    """List, show, import and export models."""
