"""A model that plain int8 ruins, through `earshot tune`: what its rounds end in, how it hears and how fast it is.

The model has one outlier channel (tests/outlier.py). Plain int8 is all that the search is given; loss and speed are
those of the decision, the latter the ratio of median latencies in paced sessions that took turns.

    python benchmarks/bench_rounds.py [--width 768] [--hidden 12] [--minutes 4] [--keep FOLDER] [--json]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.rounds import rounds_of
from tests import outlier

RUINED = "onnx:int8-qdq(granularity=channel)"
# Of the issue: within 1 % of fp32's quality, and at least this many times its speed.
MOST_LOSS, LEAST_SPEED = 0.01, 1.5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--hidden", type=int, default=12)
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--keep", type=Path, help="leave ledger and report there")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="earshot-bench-") as scratch:
        folder = asked.keep or Path(scratch)
        outlier.make(folder / "models" / "outlier", outlier.Shape(asked.width, asked.hidden, 2), clips=50)
        found = measured(folder, asked.minutes)
    if asked.json:
        print(json.dumps(found, indent=2))
    else:
        for line in found["rounds"]:
            print(line)
        print(f"ended: {found['ended']}")
        print(f"winner: {found['winner']}")
        print(f"loss {100 * found['loss']:+.2f} %, upper bound {100 * found['loss_high']:.2f} %")
        print(f"median latency: fp32 {found['speed']:.2f}x, {found['speed_low']:.2f} ... {found['speed_high']:.2f}")
        print(f"verified: {found['verification']['reason']}")
    return int(found["loss_high"] > MOST_LOSS or found["speed"] < LEAST_SPEED)


def measured(results: Path, minutes: float) -> dict[str, Any]:
    argv = [sys.executable, "-m", "orchestrator.cli", "tune", "outlier", "--results", str(results), "--recipe", RUINED]
    argv += ["--budget-minutes", str(minutes), "--allow-suspect", "--json"]
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False, env=dict(os.environ))
    if done.returncode:
        raise SystemExit(done.returncode)
    decision = json.loads(done.stdout)["decision"]
    winner = next(c for c in decision["candidates"] if c["status"] == "winner")
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        rounds = rounds_of(ledger, decision["study_id"])
    assert rounds is not None
    return {
        "winner": decision["sentence"],
        "loss": winner["metrics"]["quality_loss"]["value"],
        "loss_high": winner["metrics"]["quality_loss"]["high"],
        "speed": decision["gain"]["value"],
        "speed_low": decision["gain"]["low"],
        "speed_high": decision["gain"]["high"],
        "rounds": [f"round {r.number}: {r.hypothesis}\n  {r.verdict}" for r in rounds.rounds],
        "ended": rounds.ended,
        "verification": decision["verification"],
    }


if __name__ == "__main__":
    raise SystemExit(main())
