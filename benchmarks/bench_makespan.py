"""The makespan of a simulated farm against the shortest possible, in a PostgreSQL as durable as a farm's.

    bench_makespan.py                    200 twins x 20 sessions: within 3 % of the lower bound, or it fails
    bench_makespan.py 1000               one worker holds 1,000 twins
    bench_makespan.py 10000              four workers hold 10,000
    bench_makespan.py 200 --seconds 60   with sessions of another length

What each size runs is in ``NIGHTS``; docs/scale.md has the figures of a machine with two cores, and what they say.
Every size also fails where one session was not done exactly once. JSON of all figures goes to stdout.
"""

import argparse
import json
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from agents.strict_json import to_json
from benchmarks.postgres import durable_postgres
from orchestrator.cli.progress import TerminalProgress
from orchestrator.workflows.simulation.executor import EXECUTORS
from orchestrator.workflows.simulation.settings import SimulationSettings
from orchestrator.workflows.simulation.simulate import simulate
from orchestrator.workflows.simulation.told import SimulationTold

MOST_EXCESS = 0.03
_HERE = Path()
# Two cores finish some tens of sessions in a second, so sessions of more devices are longer here; time that passes more
# slowly makes them long without arrays of gigabytes.
NIGHTS = {
    200: SimulationSettings(_HERE, devices=200, sessions=20, seconds=10.0),
    1000: SimulationSettings(_HERE, devices=1000, sessions=10, seconds=60.0),
    10000: SimulationSettings(_HERE, devices=10_000, sessions=2, workers=4, seconds=60.0, speed=0.2),
}


def main() -> int:
    # Also where a shell began it in the background: what was found by then is told.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("devices", nargs="*", type=int, default=[200], choices=list(NIGHTS))
    asked.add_argument("--seconds", type=float, help="of audio in a session")
    asked.add_argument("--sessions", type=int, help="of each twin")
    asked.add_argument("--workers", type=int)
    asked.add_argument("--speed", type=float, help="a twin's seconds that pass in one of ours")
    asked.add_argument("--executor", choices=EXECUTORS, help="the ledger's own by default")
    options = vars(asked.parse_args())
    sizes = options.pop("devices")
    changes = {name: value for name, value in options.items() if value is not None}
    good = True
    for size in sizes:
        told = _measured(replace(NIGHTS[size], **changes))
        print(json.dumps(to_json(told), indent=2), flush=True)
        span = told.makespan
        line = f"{size} twins: {span.wall_s:.1f} s against {span.lower_bound_s:.1f} s, {span.excess:+.2%}"
        print(f"{line}; exactly once: {told.counted.exactly_once}", file=sys.stderr, flush=True)
        good &= told.counted.exactly_once and (size > 200 or span.excess <= MOST_EXCESS)
        if not told.complete:
            return 130
    return 0 if good else 1


def _measured(settings: SimulationSettings) -> SimulationTold:
    with (
        tempfile.TemporaryDirectory(prefix="earshot-makespan-") as folder,
        durable_postgres() as server,
        TerminalProgress() as progress,
    ):
        return simulate(replace(settings, folder=Path(folder) / "farm", ledger=server.url()), progress)


if __name__ == "__main__":
    sys.exit(main())
