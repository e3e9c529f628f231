"""``earshot worker``"""

import dataclasses
import json
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli.options import lab_option, results_option

if TYPE_CHECKING:
    from orchestrator.workflows.farm.events import WorkerEvent


@click.command()
@click.option("--site", required=True, help="Name of the room with these devices, such as berlin.")
@lab_option
@results_option
@click.option(
    "--exports",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Exports at a time; 0: leave them to others.",
)
@click.option("--with-local", is_flag=True, help="This machine is one of the site's devices too, named local.")
@click.option("--once", is_flag=True, help="End when nothing waits for these devices any more.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON on stdout for each event.")
def worker(
    site: str, lab: Path | None, results: Path, exports: int, with_local: bool, once: bool, as_json: bool
) -> None:
    """Serve the devices of a site: do what `earshot submit` put into the farm's queue.

    RESULTS is attached to the farm's database (`earshot ledger attach`), or its own ledger is the farm's. All devices
    work at the same time, one job after another on each; what is measured lies in RESULTS/site until the farm has it.
    The worker only dials out: to the database and to its devices. How a device is reached never leaves the lab file.

    Ctrl-C or SIGTERM: the devices are given back, sessions that run go on there, and the next start collects them.

    \b
    earshot worker --site berlin --lab lab.toml --results /var/lib/earshot
    earshot worker --site desk --with-local
    earshot worker --site builder --exports 4
    """
    from orchestrator.workflows.farm.settings import WorkerSettings
    from orchestrator.workflows.farm.worker import work

    stop = threading.Event()
    settings = WorkerSettings(site, lab, results, exports, with_local, once)
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        work(settings, _show_json if as_json else _show, stop)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _show_json(event: "WorkerEvent") -> None:
    told: dict[str, Any] = {key: value for key, value in dataclasses.asdict(event).items() if value is not None}
    click.echo(json.dumps(told))


def _show(event: "WorkerEvent") -> None:
    order = f"  order {event.order_id}" if event.order_id else ""
    left = f", {event.left} left" if event.left else ""
    took = f" in {event.duration_s:.1f} s" if event.duration_s is not None else ""
    where = f"{event.where}: " if event.where else ""
    click.secho(
        f"{event.at_utc[11:19]}  {where}{event.text}{took}{left}{order}", fg="red" if event.state == "failed" else None
    )
