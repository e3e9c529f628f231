"""``earshot submit``: a group whose verbs live in modules that are imported on first use."""

import click

from orchestrator.cli.lazy import lazy_group

# verb -> (module:attribute, the line that --help shows)
VERBS = {
    "run": ("orchestrator.cli.submit.run:run", "Sessions of configurations, in turns, on each of the devices."),
    "nightly": ("orchestrator.cli.submit.nightly:nightly", "A night of a plan over the farm's devices."),
    "tune": ("orchestrator.cli.submit.tune:tune", "A search for the configuration that wins, on each of the devices."),
    "export": ("orchestrator.cli.submit.export:export", "Artifacts of a model, made by whoever has the exporters."),
}


@click.group(cls=lazy_group(VERBS))
def submit() -> None:
    """Put work into the farm's queue, for the workers beside the devices.

    The farm is the database that RESULTS is attached to (`earshot ledger attach`), or the ledger in RESULTS.
    `earshot queue` shows what becomes of it, `earshot cancel` takes it back.
    """
