"""Time from the command to the first chunk: `earshot run kws` on a warm device over SSH.

The device is the stand-in pi5: a real sshd in namespaces of its own, so its time of day is this machine's, and the
session's own record says when its stream began; no clock is compared with another one. Warm: the same command has run
before, so the agent, the model and its audio are there. Rounds of each link in turn; the least time is what the
program takes, the median what this machine makes of it. Limit: 1.5 s, on the cable in the room. Needs root.

``--first``: the stand-in and the commands run at real-time priority, as if this machine did nothing else; for a
machine that is shared, on which the wall time of a command says more about the others than about it.

python benchmarks/bench_first_chunk.py [--rounds 7] [--first]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from orchestrator.ledger.ledger import Ledger  # noqa: E402
from orchestrator.measure.deploy.archive import build_agent_archive  # noqa: E402
from orchestrator.measure.standin.network import Quality  # noqa: E402
from tests.lab.faults.board import Board, board  # noqa: E402

LIMIT_S = 1.5
LINKS = {"cable": Quality(), "1 Gbit/s, 20 ms": Quality(rate_mbit=1000, delay_ms=10)}


def first_chunk_s(device: Board, home: Path) -> float:
    """Seconds from the start of the command to the session's first chunk."""
    argv = [sys.executable, "-m", "orchestrator.cli", "run", "kws", "--device", "pi5", "--lab", "lab.toml", "--json"]
    argv += ["--mode", "flat-out", "--seconds", "1", "--results", "results"]
    environment = {**os.environ, "HOME": str(home), "PYTHONPATH": str(ROOT)}
    begin_s = time.time()
    done = subprocess.run(argv, cwd=home, env=environment, check=True, capture_output=True)
    with Ledger.open(home / "results" / "ledger.db", create=False) as ledger:
        session = ledger.session(json.loads(done.stdout)["session"])
    assert session is not None
    # Read as the last thing before the first chunk of a flat-out session.
    before = session.result.before
    assert before is not None
    return before.wall_clock_utc_s - begin_s


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--first", action="store_true", help="run ahead of whatever else this machine does")
    options = parser.parse_args()
    if options.first:
        # What is started from here on inherits it.
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        with board(home / "device", build_agent_archive(home)) as device:
            (home / "lab.toml").write_text(device.lab_text())
            seconds: dict[str, list[float]] = {link: [] for link in LINKS}
            cold_s = first_chunk_s(device, home)
            for _ in range(options.rounds):
                for link, quality in LINKS.items():
                    device.link.set_quality(quality)
                    seconds[link].append(first_chunk_s(device, home))
    print(f"command to first chunk over SSH: cold {cold_s:.2f} s (export, agent, model and audio pushed)")
    print(f"  {'at real-time priority, ' * options.first}load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for link, values in seconds.items():
        print(f"  warm, {link:16} {statistics.median(values):.2f} s median, {min(values):.2f} s least")
    print(f"ratio to the limit: {min(seconds['cable']) / LIMIT_S:.2f} (least, of {LIMIT_S:g} s, below 1)")
    return 0 if min(seconds["cable"]) < LIMIT_S else 1


if __name__ == "__main__":
    sys.exit(main())
