"""Promise 7: warm-up classes. Flat, warm-up, slowdown and no steady state are told apart in synthetic traces, per run,
and only what is slower than the level that the run settles on is left out.
"""

from collections.abc import Callable

import numpy as np
import pytest

from orchestrator.statistics.warmup import FLAT, NO_STEADY_STATE, SLOWDOWN, WARM_UP, classify
from orchestrator.workflows.figures import session_figures
from tests import sessions
from tests.promises.figures import p07
from tests.simulator.service import autoregressive

N = 1000
SEEDS = range(60)


def flat(rng: np.random.Generator) -> np.ndarray:
    return np.full(N, 2.0)


def stalls(rng: np.random.Generator) -> np.ndarray:
    """A flat run with a stall of 40 ms now and then: what a listener meets is no warm-up."""
    levels = np.full(N, 2.0)
    levels[rng.choice(N, 8, replace=False)] += 40.0
    return levels


def warm_up(rng: np.random.Generator) -> np.ndarray:
    return np.where(np.arange(N) < rng.integers(60, 300), 3.0, 2.0)


def decay(rng: np.random.Generator) -> np.ndarray:
    """Caches that fill: 4 ms that come down to 2."""
    return 2.0 + 2.0 * np.exp(-np.arange(N) / 40.0)


def slowdown(rng: np.random.Generator) -> np.ndarray:
    """A device that throttles on the way."""
    return np.where(np.arange(N) < rng.integers(300, 600), 2.0, 2.6)


def restless(rng: np.random.Generator) -> np.ndarray:
    """A new level every tenth of the run, up and down, the last one no longer than the others."""
    return 2.0 * 1.25 ** np.repeat(np.tile([0, 2, 1, 3], 3)[:10], N // 10)


CLASSES: dict[Callable[[np.random.Generator], np.ndarray], str] = {
    flat: FLAT,
    stalls: FLAT,
    warm_up: WARM_UP,
    decay: WARM_UP,
    slowdown: SLOWDOWN,
    restless: NO_STEADY_STATE,
}


def trace(levels: Callable[[np.random.Generator], np.ndarray], seed: int, correlation: float = 0.5) -> np.ndarray:
    """Service times of one run in ms, with noise of 3 % that hangs together from chunk to chunk."""
    rng = np.random.default_rng(seed)
    noise = 0.03 * autoregressive(rng, 1, N, correlation)[0]
    found: np.ndarray = levels(rng) * np.exp(noise)
    return found


@pytest.mark.parametrize("levels", CLASSES)
@pytest.mark.parametrize("correlation", [0.0, 0.5])
def test_nineteen_in_twenty_are_told_right(
    levels: Callable[[np.random.Generator], np.ndarray], correlation: float
) -> None:
    right = [classify(trace(levels, seed, correlation)).kind == CLASSES[levels] for seed in SEEDS]
    assert np.mean(right) >= 0.95


def test_what_a_device_does_is_told_right_too() -> None:
    """Runs through the agent's loop: stalls, caches that fill, a trip point that is passed, others that come and go."""
    kinds, mean = p07.rows(trials=15)
    assert kinds.bound.holds(kinds.earshot)
    assert mean.bound.holds(mean.earshot)
    assert not mean.bound.holds(mean.naive)


def test_the_warm_up_alone_is_left_out() -> None:
    for seed in SEEDS:
        length = int(np.random.default_rng(seed).integers(60, 300))
        levels = np.where(np.arange(N) < length, 3.0, 2.0)
        found = classify(trace(lambda rng, levels=levels: levels, seed))  # type: ignore[misc]
        assert abs(found.skip - length) <= 8


@pytest.mark.parametrize("levels", [flat, stalls, slowdown, restless])
def test_nothing_else_is_left_out(levels: Callable[[np.random.Generator], np.ndarray]) -> None:
    assert np.mean([classify(trace(levels, seed)).skip <= 2 for seed in SEEDS]) >= 0.95


def test_a_fixed_count_leaves_warm_up_in_or_throws_data_away() -> None:
    """The naive way: the first 50 chunks go, whatever the run. Its mean is off by several per cent; ours is not."""
    naive, ours = [], []
    for seed in SEEDS:
        service = trace(warm_up, seed)
        naive.append(service[50:].mean() / 2.0 - 1.0)
        ours.append(service[classify(service).skip :].mean() / 2.0 - 1.0)
    assert np.median(naive) > 0.03
    assert np.max(np.abs(ours)) < 0.02


@pytest.mark.parametrize(("levels", "kind"), [(flat, FLAT), (slowdown, SLOWDOWN), (restless, NO_STEADY_STATE)])
def test_earshot_run_says_the_class(levels: Callable[[np.random.Generator], np.ndarray], kind: str) -> None:
    times = sessions.paced_times((trace(levels, 1) * 1e6).astype(np.int64))
    session = sessions.session(sessions.candidate(), t_ns=times)
    note = next(f.note for f in session_figures(session, sessions.SAMPLE_RATE_HZ) if f.name == "chunks")
    assert note == kind


def test_earshot_run_says_how_many_are_left_out() -> None:
    levels = np.where(np.arange(N) < 200, 3.0, 2.0)
    times = sessions.paced_times((trace(lambda rng: levels, 1) * 1e6).astype(np.int64))
    session = sessions.session(sessions.candidate(), t_ns=times)
    figures = {f.name: f for f in session_figures(session, sessions.SAMPLE_RATE_HZ)}
    assert figures["chunks"].value == N
    assert figures["chunks"].note.startswith("warm-up: first ")
    assert figures["service time, p90"].value is not None
    assert float(figures["service time, p90"].value) < 2.3
