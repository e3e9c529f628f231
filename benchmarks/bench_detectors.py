"""Detectors of regressions side by side on simulated nights: false alerts per 100 series-nights, and what they find.

python benchmarks/bench_detectors.py [--series 60] [--worlds iid] [--json] [--jobs 2]

Of a change two shares are shown: found within 2 nights / within 15. ``make detectors`` brings the others' packages.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace

from detectors_beside import asv, beside, otava

from orchestrator.decide.regression.rehearse import LEARNING, rehearse
from orchestrator.decide.regression.synthetic import RAMP, SPREAD_CHANGE, STEP, WORLDS, Change, Made, make_nights
from orchestrator.decide.regression.tally import (
    Alert,
    confirmed_alerts,
    false_per_100,
    found_within,
    plain_threshold,
    suspicions,
)
from orchestrator.decide.regression.tuning import DEFAULT

CHANGES = {
    "+3 %": Change(STEP, 0.03),
    "+5 %": Change(STEP, 0.05),
    "+10 %": Change(STEP, 0.10),
    "ramp +5 %": Change(RAMP, 0.05),
    "spread x3": Change(SPREAD_CHANGE, 3.0),
}
SOON, LATE = 2, 15
# A change comes on night 25 at the earliest and 37 at the latest.
CHANGED_NIGHTS = 52
OURS, FAST, SLOW, PLAIN = "earshot", "  fast look alone", "  nights alone", "5 % over median of 7"
# Nights without a change take so many times as many series: alerts are rare there.
NULL_TIMES = 4
# Detectors that take milliseconds a night get fewer series.
SHARE = {"apache-otava 0.001": 0.5, "asv 5 %": 0.25}
BESIDE = {"apache-otava 0.001": otava, "asv 5 %": asv}


@dataclass(frozen=True)
class Cell:
    """``false_per_100`` without a change, else ``soon`` and ``late``; ``series`` and ``series_nights`` it stands on."""

    world: str
    detector: str
    change: str
    series: int
    series_nights: int
    alerts: int
    false_per_100: float | None = None
    soon: float | None = None
    late: float | None = None
    reruns_per_100: float | None = None
    pairs_per_rerun: float | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=60, help="of each change")
    parser.add_argument("--worlds", default="", help="only those whose name has this in it")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    worlds = [world for world in WORLDS if arguments.worlds in world]
    begin_s = time.perf_counter()
    tasks = [(world, change, arguments.series) for world in worlds for change in ("none", *CHANGES)]
    with ProcessPoolExecutor(arguments.jobs) as pool:
        cells = [cell for found in pool.map(_cells, *zip(*tasks, strict=True)) for cell in found]
    took_s = time.perf_counter() - begin_s
    if arguments.json:
        tuned = {"false_alarms_per_100": DEFAULT.false_alarms_per_100, **asdict(DEFAULT)}
        json.dump({"tuning": tuned, "took_s": took_s, "cells": [asdict(cell) for cell in cells]}, sys.stdout, indent=1)
        print()
        return
    for world in worlds:
        _print(world, [cell for cell in cells if cell.world == world])
    print(f"\nshares of changes: found within {SOON} nights / within {LATE}. {took_s:.0f} s")
    print(f"earshot is tuned for at most {DEFAULT.false_alarms_per_100:.3f} false alerts per 100 series-nights")
    for name in [name for name, make in BESIDE.items() if make() is None]:
        print(f"{name}: not installed here; make detectors brings it")


def _cells(world: str, change: str, series: int) -> list[Cell]:
    """Of every detector, on the same nights."""
    seed = 1 + list(WORLDS).index(world) * 10 + ["none", *CHANGES].index(change)
    if change == "none":
        made = make_nights(WORLDS[world], Change(), seed, NULL_TIMES * series)
    else:
        made = make_nights(replace(WORLDS[world], nights=CHANGED_NIGHTS), CHANGES[change], seed, series)
    cells = _ours(world, change, made, seed)
    cells.append(_cell(world, PLAIN, change, made, plain_threshold(made)))
    for name, maker in BESIDE.items():
        points = maker()
        if points is not None:
            some = made[: max(1, round(SHARE[name] * len(made)))]
            cells.append(_cell(world, name, change, some, beside(some, points, LATE)))
    return cells


def _ours(world: str, change: str, made: Sequence[Made], seed: int) -> list[Cell]:
    full, alone = rehearse(made, seed), rehearse(made, seed, rerun=False)
    cost = {
        "reruns_per_100": 100.0 * full.reruns / full.series_nights,
        "pairs_per_rerun": full.pairs / full.reruns if full.reruns else None,
    }
    return [
        replace(_cell(world, OURS, change, made, confirmed_alerts(full)), **cost),
        _cell(world, FAST, change, made, suspicions(alone)),
        _cell(world, SLOW, change, made, confirmed_alerts(alone)),
    ]


def _cell(world: str, detector: str, change: str, made: Sequence[Made], alerts: Sequence[Alert]) -> Cell:
    nights = len(made) * (made[0].world.nights - LEARNING)
    if change == "none":
        return Cell(world, detector, change, len(made), nights, len(alerts), false_per_100(alerts, nights))
    soon, late = (found_within(alerts, made, within) for within in (SOON, LATE))
    return Cell(world, detector, change, len(made), nights, len(alerts), soon=soon, late=late)


def _print(world: str, cells: Sequence[Cell]) -> None:
    print(f"\n{world:22} {'false / 100':>12}" + "".join(f"{name:>13}" for name in CHANGES) + f"{'re-runs / 100':>15}")
    for detector in dict.fromkeys(cell.detector for cell in cells):
        by_change = {cell.change: cell for cell in cells if cell.detector == detector}
        null = by_change["none"]
        found = "".join(f"{_found(by_change[name]):>13}" for name in CHANGES)
        reruns = "" if null.reruns_per_100 is None else f"{null.reruns_per_100:.1f}"
        print(f"{detector:22} {null.false_per_100:12.3f}{found}{reruns:>15}")


def _found(cell: Cell) -> str:
    return f"{100 * (cell.soon or 0):.0f} / {100 * (cell.late or 0):.0f}"


if __name__ == "__main__":
    main()
