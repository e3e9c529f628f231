"""Predictions for devices never measured, on simulated fleets: do intervals hold, and what does the pick cost?

Against shipping at random, what wins most often on the measured devices, and what wins on the one with the nearest
clock and cores.

python benchmarks/bench_recommend.py [--seeds 20] [--devices 3,5,8,12,20]
"""

import argparse
import math
import time
from collections import Counter
from collections.abc import Sequence

import numpy as np

from orchestrator.decide.prediction.cells import teaching
from orchestrator.decide.prediction.predict import Oracle
from orchestrator.decide.prediction.synthetic import Fleet, make_fleet

NEW = 5
WAYS = ("predicted", "popular", "nearest", "random")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--devices", default="3,5,8,12,20")
    arguments = parser.parse_args()
    print("regret: how much slower than the true best; mean over new devices (share beyond 10 %)")
    heads = "".join(f"{way:>18}" for way in WAYS)
    print(f"{'measured':>8}{heads}{'expected':>10}{'80 %':>7}{'95 %':>7}{'error':>7}  left out: 80 %  95 %{'s':>7}")
    for count in map(int, arguments.devices.split(",")):
        print(_line(count, arguments.seeds), flush=True)


def _line(count: int, seeds: int) -> str:
    begin_s = time.perf_counter()
    lost: dict[str, list[float]] = {way: [] for way in WAYS}
    expected, within, errors, held_out = [], [], [], []
    for seed in range(seeds):
        fleet = make_fleet(count + NEW, seed)
        known, new = list(fleet.devices)[:count], list(fleet.devices)[count:]
        records = [record for record in fleet.records if record.device in known]
        oracle = Oracle(teaching(records, fleet.devices, "aarch64", 0.01))
        report = oracle.held_out()
        held_out.append((report.coverage_80, report.coverage_95))
        for name in new:
            prediction = oracle.predict(fleet.devices[name])
            expected.append(prediction.expected_regret)
            for way, winner in _winners(fleet, known, name, prediction.winner).items():
                lost[way].append(fleet.regret(name, winner))
            lost["random"] += [fleet.regret(name, c.name) for c in fleet.configurations]
            for one in prediction.configurations:
                truth, figure = fleet.truth[name][one.configuration], one.service_ms
                within.append((figure.low_80 <= truth <= figure.high_80, figure.low_95 <= truth <= figure.high_95))
                errors.append(abs(math.log(figure.value / truth)))
    regrets = "".join(f"{np.mean(lost[way]):10.1%} ({np.mean(np.array(lost[way]) > 0.1):4.0%})" for way in WAYS)
    held_80, held_95 = np.mean(within, axis=0)
    left_80, left_95 = np.mean(np.array(held_out, dtype=float), axis=0)
    took_s = (time.perf_counter() - begin_s) / seeds
    return (
        f"{count:8d}{regrets}{np.mean(expected):10.1%}{held_80:7.0%}{held_95:7.0%}{np.median(errors):7.0%}"
        f"{left_80:16.0%}{left_95:6.0%}{took_s:7.1f}"
    )


def _winners(fleet: Fleet, known: Sequence[str], target: str, predicted: str) -> dict[str, str]:
    wins = [min(fleet.truth[name], key=fleet.truth[name].__getitem__) for name in known]
    nearest = min(range(len(known)), key=lambda index: _distance(fleet, known[index], target))
    return {"predicted": predicted, "popular": Counter(wins).most_common(1)[0][0], "nearest": wins[nearest]}


def _distance(fleet: Fleet, one: str, other: str) -> tuple[bool, float]:
    """Another kind of core first, then the ratio of clocks."""
    left, right = fleet.devices[one].groups[-1], fleet.devices[other].groups[-1]
    return left.core != right.core, abs(math.log((left.max_mhz or 1) / (right.max_mhz or 1)))


if __name__ == "__main__":
    main()
