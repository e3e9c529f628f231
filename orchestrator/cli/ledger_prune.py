"""``earshot ledger prune``: files that nobody will ask for any more leave the farm's store."""

from dataclasses import asdict
from pathlib import Path

import click

from orchestrator.cli.options import json_option, results_option
from orchestrator.cli.output import print_json
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.store.places import store_of
from orchestrator.ledger.store.pruning import prune as prune_store


@click.command()
@click.option(
    "--nights", type=click.IntRange(min=1), default=30, show_default=True, help="Keep what these asked for or measured."
)
@results_option
@json_option
def prune(nights: int, results: Path, as_json: bool) -> None:
    """Delete files of models and artifacts from the farm's store that no job and no session of the last nights names.

    An export that is asked for again later is done again. Sessions, figures and what lies in artifacts/ stay.
    """
    with Ledger.open(results / "ledger.db", create=False) as book:
        store = store_of(book)
        pruned = prune_store(book, store, nights)
    if as_json:
        print_json({**asdict(pruned), "store": store.place})
    else:
        click.echo(f"{pruned.deleted} files ({pruned.freed_bytes / 1e6:.1f} MB) left {store.place}, {pruned.kept} stay")
