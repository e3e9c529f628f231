"""Promise 7: warm-up classes on synthetic traces, in ns."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.statistics.warmup import CLASSES, FLAT, NO_STEADY_STATE, SLOWDOWN, WARM_UP, classify
from tests.simulator.service import Floats, autoregressive

N = 1000
Trace = Callable[[np.random.Generator], Floats]


def calm(rng: np.random.Generator, n: int = N) -> Floats:
    return 5e6 * (1 + 0.03 * rng.standard_normal(n))


def scaled(shape: Floats) -> Trace:
    return lambda rng: calm(rng, len(shape)) * shape


def step(n: int, at: int, before: float, after: float) -> Floats:
    return np.where(np.arange(n) < at, before, after)


def with_stalls(rng: np.random.Generator) -> Floats:
    values = calm(rng)
    values[1:][rng.random(N - 1) < 0.03] *= 20  # a stall of chunk 0 is a warm-up of one chunk
    return values


def with_burst(rng: np.random.Generator) -> Floats:
    values = calm(rng)
    values[500:520] *= 6
    return values


def with_last_chunks_slow(rng: np.random.Generator) -> Floats:
    values = calm(rng)
    values[-3:] *= 8
    return values


ALTERNATING = np.where(np.arange(N) % 2, 3.0, 1.0)
SWITCHING = np.where(np.arange(N) // 100 % 2, 1.4, 1.0)

TRACES: dict[str, tuple[Trace, str]] = {
    "noise": (calm, FLAT),
    "long tail": (lambda rng: 5e6 * np.exp(0.3 * rng.standard_normal(N)), FLAT),
    "autocorrelated": (lambda rng: 5e6 * (1 + 0.05 * autoregressive(rng, 1, N, 0.9)[0]), FLAT),
    "constant": (lambda rng: np.full(N, 5e6), FLAT),
    "every other chunk is dear": (scaled(ALTERNATING), FLAT),
    "single stalls": (with_stalls, FLAT),
    "a burst that passes": (with_burst, FLAT),
    "a stall at the end": (with_last_chunks_slow, FLAT),
    "a step too small to matter": (scaled(step(N, 300, 1.02, 1.0)), FLAT),
    "step": (scaled(step(N, 80, 1.5, 1.0)), WARM_UP),
    "a slow first chunk": (scaled(step(N, 1, 9.0, 1.0)), WARM_UP),
    "exponential": (scaled(1 + 2 * np.exp(-np.arange(N) / 20)), WARM_UP),
    "two steps": (scaled(step(N, 60, 2.0, 1.0) * step(N, 200, 1.3, 1.0)), WARM_UP),
    "throttled half-way": (scaled(step(N, 500, 1.0, 1.3)), SLOWDOWN),
    "warm-up, then throttled": (scaled(step(N, 60, 2.0, 1.0) * step(N, 600, 1.0, 1.25)), SLOWDOWN),
    "ramp": (scaled(1 + 1.5 * np.arange(N) / N), NO_STEADY_STATE),
    "switching": (scaled(SWITCHING), NO_STEADY_STATE),
    "slow at the end": (scaled(step(N, 900, 1.0, 1.5)), NO_STEADY_STATE),
}


@pytest.mark.parametrize("name", TRACES)
@pytest.mark.parametrize("seed", range(5))
def test_class_of_trace(name: str, seed: int) -> None:
    make, kind = TRACES[name]
    found = classify(make(np.random.default_rng(seed)))
    assert found.kind == kind
    assert (found.skip > 0) == (kind == WARM_UP or name.startswith("warm-up"))


@pytest.mark.parametrize(("length", "factor"), [(1, 9.0), (5, 3.0), (40, 1.5), (200, 1.2)])
def test_skip_is_the_length_of_the_warm_up(length: int, factor: float) -> None:
    found = classify(scaled(step(N, length, factor, 1.0))(np.random.default_rng(1)))
    assert found.skip == pytest.approx(length, abs=2)
    assert found.steady_from == found.skip


def test_warm_up_is_found_among_stalls() -> None:
    values = with_stalls(np.random.default_rng(2)) * step(N, 50, 2.0, 1.0)
    assert classify(values).skip == pytest.approx(50, abs=16)  # a block


def test_a_slowdown_drops_its_slow_start_and_nothing_else() -> None:
    found = classify(scaled(step(N, 60, 2.0, 1.0) * step(N, 600, 1.0, 1.25))(np.random.default_rng(3)))
    assert found.skip == pytest.approx(60, abs=2)
    assert found.steady_from == pytest.approx(600, abs=2)


def test_noise_is_rarely_called_anything_but_flat() -> None:
    rng = np.random.default_rng(4)
    kinds = [classify(5e6 * (1 + 0.1 * rng.standard_normal(400))).kind for _ in range(500)]
    assert kinds.count(FLAT) >= 490


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 20])
def test_short_runs_are_classified(n: int) -> None:
    assert classify(np.full(n, 3.0)).kind == FLAT


def test_nothing_to_classify_is_refused() -> None:
    with pytest.raises(ValueError, match="n > 0"):
        classify(np.empty(0))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(1e3, 1e9), min_size=1, max_size=120))
def test_any_trace_has_a_class_and_keeps_a_chunk(values: list[float]) -> None:
    found = classify(np.array(values))
    assert found.kind in CLASSES
    assert 0 <= found.skip < len(values)
    assert [level.start for level in found.levels[1:]] == [level.end for level in found.levels[:-1]]


def test_the_unit_does_not_matter() -> None:
    values = scaled(step(N, 80, 1.5, 1.0))(np.random.default_rng(5))
    assert classify(values).skip == classify(values / 1e6).skip
