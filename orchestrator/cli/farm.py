"""``earshot farm simulate``"""

import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from orchestrator.cli.farm_shown import print_simulation
from orchestrator.cli.options import Share, json_option
from orchestrator.cli.output import print_json
from orchestrator.cli.progress import TerminalProgress
from orchestrator.measure.farm.twins.body import Faults
from orchestrator.workflows.simulation.executor import EXECUTORS
from orchestrator.workflows.simulation.settings import SimulationSettings
from orchestrator.workflows.simulation.simulate import simulate as simulate_farm

_INTERRUPTED = 130


@click.group()
def farm() -> None:
    """How large may a farm become?"""


@farm.command()
@click.option("--devices", type=int, default=1000, show_default=True, help="How many twins.")
@click.option("--sessions", type=int, default=20, show_default=True, help="Of each twin, in a night.")
@click.option("--workers", type=int, default=1, show_default=True, help="Processes that the twins are dealt out to.")
@click.option("--seconds", type=float, default=10.0, show_default=True, help="Of audio in a session, paced.")
@click.option("--speed", type=float, default=1.0, show_default=True, help="Twins' seconds that pass in one of ours.")
@click.option("--executor", type=click.Choice(EXECUTORS), help="[default: the one that the ledger has]")
@click.option(
    "--ledger", metavar="URL", help="A PostgreSQL's URL, or sqlite:FILE, for this alone. [default: a file in --folder]"
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Empty: for the twins' journals and the sites' ledgers. [default: one that is deleted at the end]",
)
@click.option("--failing", type=Share(), default="0.5%", help="Sessions that fail.  [default: 0.5%]")
@click.option("--vanishing", type=Share(), default="0.2%", help="Sessions that lose their device.  [default: 0.2%]")
@click.option("--kill-workers", type=int, default=0, show_default=True, help="Workers killed (-9) on the way.")
@click.option("--seed", type=int, default=0, show_default=True)
@json_option
def simulate(
    devices: int,
    sessions: int,
    workers: int,
    seconds: float,
    speed: float,
    executor: str | None,
    ledger: str | None,
    folder: Path | None,
    failing: float,
    vanishing: float,
    kill_workers: int,
    seed: int,
    as_json: bool,
) -> None:
    """Try a farm of any size, with no device: a night of twins through the real planner, queue, leases, executor and
    ledger.

    A twin takes the time that a session takes, warms up, throttles, fails and vanishes as a model of it says, and hands
    in arrays of real size. All else is real and is measured: the makespan against the shortest possible, what lies
    between two sessions, what the database does and waits for, memory and processor time of the workers.

    The twins' own journals are then compared with the ledger: each planned session once, none beside another. Where
    that does not hold the exit code is 1. Sessions of twins are marked as simulated, and never rank. Ctrl-C tells what
    was found so far. docs/scale.md has figures, and what they say about farms of 1,000 to 100,000 devices.

    \b
    earshot farm simulate --devices 100 --sessions 10
    createdb simulated
    earshot farm simulate --devices 1000 --ledger 'postgresql:///simulated?host=/run/postgresql'
    earshot farm simulate --devices 10000 --workers 4 --speed 2 --kill-workers 3 --ledger 'postgresql://?service=sim'
    """
    with _folder(folder) as place, TerminalProgress() as progress:
        faults = Faults(failing, vanishing)
        settings = SimulationSettings(
            place, devices, sessions, workers, seed, speed, seconds, executor, ledger, faults, kill_workers
        )
        # As Ctrl-C: what was found is told.
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            told = simulate_farm(settings, progress)
        finally:
            signal.signal(signal.SIGTERM, before)
    if as_json:
        print_json(told)
    else:
        print_simulation(told)
    if not told.counted.exactly_once:
        sys.exit(1)
    if not told.complete:
        sys.exit(_INTERRUPTED)


@contextmanager
def _folder(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="earshot-farm-") as made:
        yield Path(made)
