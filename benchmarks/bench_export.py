"""Export of all recipes of one model: in parallel processes against one after another, and from the store.

Both ways start with an empty store and make the same artifacts, which is checked by their hashes; rounds take turns.
The last figure is what a second command pays for what is there: a whole `export_all`, in a process that has imported
what it needs.

    python benchmarks/bench_export.py [--model kws] [--jobs 2] [--rounds 3] [--recipe RECIPE ...] [--json]
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orchestrator.domain.artifact import Artifact
from orchestrator.domain.recipe import Recipe
from orchestrator.make.export.calibration import CalibrationStream
from orchestrator.make.export.defaults import default_recipes
from orchestrator.make.export.parallel import export_all
from orchestrator.make.models.source import ModelSource
from orchestrator.workflows.prepare import calibration_of, prepare_model

# What a cache hit may take, in s.
TARGET_HIT_S = 1.0


def timed(
    source: ModelSource, recipes: Sequence[Recipe], store: Path, calibration: CalibrationStream | None, jobs: int
) -> tuple[float, dict[str, str]]:
    """Seconds, and what became of each recipe: a hash, or the reason why not."""
    began = time.monotonic()
    outcomes = export_all(source, recipes, store, calibration, jobs)
    took_s = time.monotonic() - began
    return took_s, {str(o.recipe): o.sha256 if isinstance(o, Artifact) else o.reason for o in outcomes}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="kws")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--recipe", action="append", default=[])
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="earshot-bench-") as folder:
        found = measured(asked.model, asked.recipe, asked.jobs, asked.rounds, Path(folder))
    if asked.json:
        print(json.dumps(found, indent=2))
        return int(found["hit_s"] > TARGET_HIT_S)
    print(f"{found['model']}: {found['artifacts']} artifacts of {found['recipes']} recipes, median of {asked.rounds}")
    print(f"one after another {found['serial_s']:.1f} s, {asked.jobs} processes {found['parallel_s']:.1f} s")
    print(f"ratio {found['ratio']:.2f}; all from the store {found['hit_s']:.3f} s (target < {TARGET_HIT_S:g} s)")
    return int(found["hit_s"] > TARGET_HIT_S)


def measured(model: str, texts: Sequence[str], jobs: int, rounds: int, folder: Path) -> dict[str, Any]:
    prepared = prepare_model(model, folder / "models")
    source, calibration = prepared.source, calibration_of(prepared)
    recipes = tuple(map(Recipe.parse, texts)) or default_recipes(source)
    times: dict[int, list[float]] = {1: [], jobs: []}
    made: list[dict[str, str]] = []
    store = folder
    for number in range(rounds):
        # Whoever begins finds the files of the source cold.
        for count in (1, jobs) if number % 2 == 0 else (jobs, 1):
            store = folder / f"store-{number}-{count}"
            took_s, outcome = timed(source, recipes, store, calibration, count)
            times[count].append(took_s)
            made.append(outcome)
    if any(outcome != made[0] for outcome in made):
        raise SystemExit("error: the two ways did not make the same artifacts")
    hits = [timed(source, recipes, store, calibration, jobs)[0] for _ in range(5)]
    serial_s, parallel_s = statistics.median(times[1]), statistics.median(times[jobs])
    return {
        "model": model,
        "recipes": len(recipes),
        "artifacts": sum(len(value) == 64 and " " not in value for value in made[0].values()),
        "jobs": jobs,
        "serial_s": serial_s,
        "parallel_s": parallel_s,
        "ratio": serial_s / parallel_s,
        "hit_s": statistics.median(hits),
        "rounds": {"serial_s": times[1], "parallel_s": times[jobs], "hits_s": hits},
    }


if __name__ == "__main__":
    raise SystemExit(main())
