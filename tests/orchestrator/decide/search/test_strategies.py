"""Every strategy on matrices whose answer is known. Seeds are fixed, so each result is exact and repeats."""

import dataclasses

import numpy as np
import pytest

from orchestrator.decide.replay.replay import Simulation, simulate
from orchestrator.decide.replay.synthetic import Made, World, make_matrix
from orchestrator.decide.search.question import Question
from orchestrator.decide.search.registry import STRATEGIES

QUESTION = Question("service_p50_ms", {"quality_loss": 0.01})
HARD = World(200, near=1 / 3, slow_runs=0.1)


def _race(world: World, seed: int, strategy: str = "racing") -> tuple[Made, Simulation]:
    made = make_matrix(world, seed)
    return made, simulate(made.matrix, QUESTION, strategy, seed=seed, drift=0.05)


@pytest.mark.parametrize(("world", "seeds", "share"), [(World(24), 60, 0.15), (HARD, 12, 0.10)])
def test_racing_finds_the_best_in_a_small_part_of_the_time(world: World, seeds: int, share: float) -> None:
    results = [_race(world, seed) for seed in range(seeds)]
    regrets = np.array([made.regret(done.winner) for made, done in results])
    assert np.isfinite(regrets).all(), "a candidate won that must not"
    # 95 % over many seeds, as benchmarks/bench_search.py shows; a sample of so few may lie a little below.
    assert np.mean(regrets <= 0.02) >= 0.9
    assert max(done.device_minutes / done.exhaustive_device_minutes for _, done in results) <= share


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_strategy_lets_a_rejected_candidate_win(strategy: str) -> None:
    for seed in range(8):
        made, done = _race(World(24, fallback=0.3, failed=0.1, lossy=0.2), seed, strategy)
        assert done.winner in made.truth
        assert set(done.rejected) == set(made.matrix.rows) - {done.winner}
        assert all(done.rejected.values())


def test_equal_candidates_end_in_no_difference() -> None:
    verdicts = [_race(World(24, equal=True), seed)[1].verdict for seed in range(40)]
    assert verdicts.count("no-difference") >= 36


def test_exhaustive_takes_ten_runs_of_every_candidate() -> None:
    _, done = _race(World(24), 0, "exhaustive")
    assert done.runs == 240
    assert done.device_minutes == pytest.approx(done.exhaustive_device_minutes)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_same_seed_gives_the_same_answer(strategy: str) -> None:
    assert _race(World(24), 3, strategy)[1] == _race(World(24), 3, strategy)[1]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_none_that_may_win_is_infeasible_with_every_reason(strategy: str) -> None:
    world = World(12, fallback=0.6, failed=0.4, lossy=0.0, unmeasured=0.0)
    made = make_matrix(dataclasses.replace(world, equal=True), 1)
    done = simulate(made.matrix, QUESTION, strategy, seed=0, budget_s=3600.0)
    assert (done.winner, done.verdict) == (None, "infeasible")
    assert set(done.rejected) == set(made.matrix.rows)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_budget_is_not_exceeded(strategy: str) -> None:
    made = make_matrix(World(24), 0)
    done = simulate(made.matrix, QUESTION, strategy, seed=0, budget_s=61.0)
    assert done.device_minutes <= 61 / 60
    assert done.runs == 12


def test_what_is_known_without_a_run_needs_one_run_to_win() -> None:
    made = make_matrix(World(24), 0)
    done = simulate(made.matrix, Question("quality_loss"), "racing", seed=0)
    assert done.runs <= 3
    assert done.winner is not None


def test_a_measured_limit_holds_for_the_winner() -> None:
    made = make_matrix(World(24), 5)
    middle = float(np.median(list(made.truth.values())))
    for seed in range(10):
        done = simulate(
            made.matrix, Question("size_mb", {"service_p50_ms": middle, "quality_loss": 0.01}), "racing", seed=seed
        )
        assert done.winner is not None
        assert made.truth[done.winner] <= middle
