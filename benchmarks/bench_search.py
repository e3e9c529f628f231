"""Strategies side by side on simulated matrices: how often within 2 % of the true best, in how much device time.

python benchmarks/bench_search.py [--seeds 40] [--strategies racing,random,...]
"""

import argparse
import time

import numpy as np

from orchestrator.decide.replay.replay import simulate
from orchestrator.decide.replay.synthetic import World, make_matrix
from orchestrator.decide.search.question import Question

WORLDS = {
    "24 candidates": World(24),
    "24, a third near": World(24, near=1 / 3),
    "200, a third near, slow starts": World(200, near=1 / 3, slow_runs=0.1),
    "500, a third near, slow starts": World(500, near=1 / 3, slow_runs=0.1),
    "24 equal (A/A)": World(24, equal=True),
}
QUESTION = Question("service_p50_ms", {"quality_loss": 0.01})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--strategies", default="racing,exhaustive,random,halving,optuna")
    parser.add_argument("--worlds", default="")
    arguments = parser.parse_args()
    print(f"{'world':32} {'strategy':11} {'within 2 %':>10} {'may not win':>11} {'no diff.':>8} {'time':>6} {'s':>6}")
    for title, world in WORLDS.items():
        if arguments.worlds not in title:
            continue
        for strategy in arguments.strategies.split(","):
            print(f"{title:32} {strategy:11} {_line(world, strategy, arguments.seeds)}", flush=True)


def _line(world: World, strategy: str, seeds: int) -> str:
    begin_s = time.perf_counter()
    regrets, shares, equal = [], [], 0
    for seed in range(seeds):
        made = make_matrix(world, seed)
        done = simulate(made.matrix, QUESTION, strategy, seed=seed, drift=0.05)
        regrets.append(made.regret(done.winner))
        shares.append(done.device_minutes / done.exhaustive_device_minutes)
        equal += done.verdict == "no-difference"
    took_s = (time.perf_counter() - begin_s) / seeds
    good, broken = np.mean(np.array(regrets) <= 0.02), int(np.sum(np.isinf(regrets)))
    return f"{good:10.1%} {broken:11d} {equal / seeds:8.0%} {np.max(shares):6.1%} {took_s:6.2f}"


if __name__ == "__main__":
    main()
