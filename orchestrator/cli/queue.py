"""``earshot queue``"""

import time
from pathlib import Path

import click

from orchestrator.cli.options import json_option, results_option

_AGAIN_S = 2.0


@click.command()
@click.option(
    "--order", help="The jobs of this order, each with why it waits or failed; the beginning of its id will do."
)
@click.option("--site", help="Only this site's devices and workers.")
@click.option("--device", help="What waits for this device.")
@click.option("--all", "ended", is_flag=True, help="What has ended too.")
@click.option("--watch", is_flag=True, help="Again every two seconds, until Ctrl-C.")
@results_option
@json_option
def queue(
    order: str | None,
    site: str | None,
    device: str | None,
    ended: bool,
    watch: bool,
    results: Path,
    as_json: bool,
) -> None:
    """Show the farm: orders and how far they are, workers, and what each device does.

    \b
    earshot queue
    earshot queue --order 261122-0219
    earshot queue --site berlin --watch
    earshot queue --device pi5 --all --json
    """
    from orchestrator.cli.queue_shown import show_farm
    from orchestrator.ledger.ledger import Ledger
    from orchestrator.workflows.farm.queue import QueueWish, farm_now

    if watch and as_json:
        raise click.UsageError("--watch is for people: ask for --json as often as you like")
    wish = QueueWish(order, site, device, ended)
    with Ledger.open(results / "ledger.db", create=False) as farm:
        while True:
            now = farm_now(farm, wish)
            if watch:
                click.clear()
            show_farm(now, as_json)
            if not watch:
                return
            time.sleep(_AGAIN_S)
