"""Properties of energy from readings: what is known is exact, what is not is a gap, nothing is made up."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.statistics.energy import Energy, energy_of_counter, energy_of_samples, in_step
from tests.orchestrator.statistics.waveforms import bursts, fixed_ns, jittered_ns

S = 1_000_000_000
seeds = st.integers(0, 2**31)
watts = st.floats(0.0, 100.0)


@given(seeds, watts, watts)
def test_a_straight_line_is_exact_in_any_window(seed: int, at_begin_w: float, at_end_w: float) -> None:
    t_ns = jittered_ns(10.0, 10.0, seed)
    power_w = at_begin_w + (at_end_w - at_begin_w) * t_ns / (10 * S)
    begin_ns, end_ns = sorted(np.random.default_rng(seed).integers(0, 10 * S, 2).tolist())
    if end_ns - begin_ns < S:
        return
    found = energy_of_samples(t_ns, power_w, begin_ns, end_ns)
    middle_w = at_begin_w + (at_end_w - at_begin_w) * (begin_ns + end_ns) / (20 * S)
    assert found.energy_j == pytest.approx(middle_w * (end_ns - begin_ns) / S, rel=1e-9, abs=1e-9)
    assert found.gap_s == pytest.approx(0.0, abs=1e-9)
    assert found.gaps == 0


@given(seeds)
def test_windows_side_by_side_add_up(seed: int) -> None:
    t_ns = jittered_ns(10.0, 20.0, seed)
    power_w = np.random.default_rng(seed).uniform(0, 5, len(t_ns))
    cut_ns = int(np.random.default_rng(seed + 1).integers(5 * S, 15 * S))
    whole = energy_of_samples(t_ns, power_w, 0, 20 * S)
    parts = [energy_of_samples(t_ns, power_w, *window) for window in ((0, cut_ns), (cut_ns, 20 * S))]
    assert whole.energy_j == pytest.approx(sum(part.energy_j or math.nan for part in parts))
    assert whole.covered_s == pytest.approx(sum(part.covered_s for part in parts))


@given(seeds, st.lists(st.integers(0, 199), max_size=30, unique=True))
def test_failed_readings_are_gaps_and_nothing_else_changes(seed: int, failed: list[int]) -> None:
    """A gap costs the time to its neighbours on both sides, whatever lies there: nothing is drawn across it."""
    t_ns = jittered_ns(10.0, 20.0, seed)
    power_w = np.full(len(t_ns), 3.0)
    power_w[[number for number in failed if number < len(t_ns)]] = math.nan
    found = energy_of_samples(t_ns, power_w, 0, 20 * S)
    known = np.isfinite(power_w[:-1]) & np.isfinite(power_w[1:])
    expected_s = (np.clip(t_ns[1:], 0, 20 * S) - np.clip(t_ns[:-1], 0, 20 * S))[known].sum() / S
    assert found.covered_s == pytest.approx(expected_s)
    assert found.covered_s + found.gap_s == pytest.approx(20.0)
    if found.energy_j is not None:
        assert found.energy_j == pytest.approx(3.0 * found.covered_s)


def test_what_lies_in_a_gap_does_not_count() -> None:
    t_ns = fixed_ns(10.0, 10.0)
    power_w = np.full(len(t_ns), 2.0)
    gone = (t_ns > 4 * S) & (t_ns < 5 * S)
    power_w[gone] = math.nan
    marked = energy_of_samples(t_ns, power_w, 0, 10 * S)
    vanished = energy_of_samples(t_ns[~gone], power_w[~gone], 0, 10 * S)
    for found in (marked, vanished):
        assert found.energy_j == pytest.approx(2.0 * 9.0, rel=0.02)
        assert found.gap_s == pytest.approx(1.0, abs=0.15)
        assert found.gaps == 1


@pytest.mark.parametrize("until_s", [0.0, 3.0, 7.0])
def test_a_sensor_that_vanishes_leaves_no_energy_but_a_reason(until_s: float) -> None:
    t_ns = fixed_ns(10.0, 10.0)
    power_w = np.where(t_ns <= until_s * S, 2.0, math.nan)
    found = energy_of_samples(t_ns, power_w, 0, 10 * S)
    assert found.energy_j is None
    assert found.power_w is None
    assert found.reason == f"known for {until_s:.3g} s of 10 s only"
    assert found.gaps == 1


def test_too_few_readings_are_no_energy() -> None:
    t_ns = np.array([-1, 1, 2, 4, 6], dtype=np.int64) * S
    found = energy_of_samples(t_ns, np.full(5, 2.0), 0, 5 * S)
    assert (found.energy_j, found.readings) == (None, 3)
    assert found.reason == "3 readings in 5 s, and 5 are needed"
    nothing = energy_of_samples(np.array([], dtype=np.int64), np.array([]), 0, S)
    assert (nothing.energy_j, nothing.gap_s) == (None, 1.0)


@given(seeds, st.floats(0.01, 50.0))
def test_a_counter_gives_its_differences(seed: int, power_w: float) -> None:
    t_ns = jittered_ns(10.0, 10.0, seed)
    found = energy_of_counter(t_ns, 7.0 + power_w * (t_ns - t_ns[0]) / S, S, 9 * S)
    assert found.energy_j == pytest.approx(8 * power_w, rel=1e-6)
    assert found.gaps == 0


@given(seeds, st.floats(1.0, 50.0), st.floats(5.0, 60.0))
def test_a_counter_that_wraps_loses_nothing(seed: int, power_w: float, range_j: float) -> None:
    """Wherever it wraps, and however often: up to a tenth of its range passes between two readings."""
    range_j = max(range_j, power_w * 1.6)
    t_ns = jittered_ns(10.0, 10.0, seed)
    counted = power_w * (t_ns - t_ns[0]) / S + range_j * 0.7
    found = energy_of_counter(t_ns, np.mod(counted, range_j), S, 9 * S, range_j=range_j, most_w=2000.0)
    assert found.energy_j == pytest.approx(8 * power_w, rel=1e-6)


@given(seeds, st.integers(20, 80), st.floats(0.0, 1.0))
def test_a_counter_that_runs_backwards_is_a_gap_and_never_negative(seed: int, at: int, kept: float) -> None:
    t_ns = jittered_ns(10.0, 10.0, seed)
    energy_j = 4.0 * (t_ns - t_ns[0]) / S
    energy_j[at:] -= energy_j[at - 1] + 0.5 - kept * 0.01
    found = energy_of_counter(t_ns, energy_j, 0, 10 * S)
    lost_s = (t_ns[at] - t_ns[at - 1]) / S
    assert found.energy_j == pytest.approx(4.0 * (10.0 - lost_s), rel=1e-6)
    assert found.gap_s == pytest.approx(lost_s)
    assert found.gaps == 1


def test_a_fall_that_would_be_too_much_power_is_no_wrap() -> None:
    t_ns = fixed_ns(10.0, 10.0)
    energy_j = 4.0 * (t_ns - t_ns[0]) / S
    energy_j[60:] -= energy_j[59]
    found = energy_of_counter(t_ns, energy_j, 0, 10 * S, range_j=262_143.0, most_w=2000.0)
    assert found.energy_j == pytest.approx(4.0 * 9.9, rel=1e-6)


@given(seeds, st.lists(st.one_of(st.floats(0, 1e6), st.just(math.nan)), min_size=60, max_size=60))
def test_no_counter_whatever_it_says_gives_negative_energy(seed: int, said: list[float]) -> None:
    t_ns = jittered_ns(10.0, 5.0, seed)[:60]
    found = energy_of_counter(t_ns[: len(said)], np.array(said)[: len(t_ns)], 0, 4 * S)
    assert found.energy_j is None or found.energy_j >= 0.0
    assert 0.0 <= found.covered_s <= 4.0 + 1e-9


@settings(max_examples=30, deadline=None)
@given(seeds, st.sampled_from([20, 30, 80]), st.floats(0.1, 0.9))
def test_the_uncertainty_is_that_of_the_spacing(seed: int, chunk_ms: int, busy: float) -> None:
    """Over 20 looks at one load, the true error is about as large as it says: neither half of it nor twice."""
    load = bursts(chunk_ms / 1e3, busy)
    truth_j = float(load.energy_j(np.array(20.0)))
    scaled = []
    for look in range(20):
        t_ns = jittered_ns(10.0, 20.0, seed + look)
        found = energy_of_samples(t_ns, load.power_w(t_ns / S), 0, 20 * S)
        assert found.energy_j is not None
        scaled.append((found.energy_j - truth_j) / found.uncertainty_j)
    assert 0.4 < math.sqrt(np.mean(np.square(scaled))) < 2.0


def test_a_clock_that_may_be_off_adds_to_the_uncertainty() -> None:
    load, t_ns = bursts(0.08, 0.3), jittered_ns(10.0, 20.0, 1)
    power_w = load.power_w(t_ns / S)
    sharp, vague = (energy_of_samples(t_ns, power_w, 0, 20 * S, clock_ns) for clock_ns in (0, S))
    assert vague.energy_j == sharp.energy_j
    assert vague.uncertainty_j == pytest.approx(math.hypot(sharp.uncertainty_j, 4.0))


@pytest.mark.parametrize("chunk_ms", [20, 50, 80, 100, 200])
def test_a_fixed_rate_in_step_with_the_chunks_is_refused(chunk_ms: int) -> None:
    reason = in_step(fixed_ns(10.0, 60.0), chunk_ms * 1_000_000)
    assert reason is not None
    assert f"read every 100 ms, in step with what repeats every {chunk_ms} ms" in reason


@given(seeds, st.integers(5, 500))
def test_a_jittered_rate_never_is(seed: int, chunk_ms: int) -> None:
    assert in_step(jittered_ns(10.0, 60.0, seed), chunk_ms * 1_000_000) is None
    # As the lab's meters are polled (orchestrator/measure/meters/watch.py).
    assert in_step(jittered_ns(5.0, 60.0, seed, 1.0, 1.5), chunk_ms * 1_000_000) is None


def test_a_fixed_rate_that_drifts_through_all_phases_is_not_in_step() -> None:
    assert in_step(fixed_ns(9.7, 60.0), 80_000_000) is None


@pytest.mark.parametrize("jitter_ms", [0.0, 1.0, 2.0])
def test_a_timer_that_is_a_little_late_is_still_in_step(jitter_ms: float) -> None:
    t_ns = fixed_ns(10.0, 60.0) + np.random.default_rng(0).normal(0, jitter_ms * 1e5, 604).astype(np.int64)
    assert in_step(t_ns, 80_000_000) is not None


@pytest.mark.parametrize(
    ("t_ns", "values", "window", "said"),
    [
        ([0, 1], [1.0], (0, S), "2 times"),
        ([1, 0], [1.0, 1.0], (0, S), "backwards"),
        ([0, 1], [1.0, 1.0], (S, S), "must end after"),
    ],
)
def test_what_makes_no_sense_is_refused(
    t_ns: list[int], values: list[float], window: tuple[int, int], said: str
) -> None:
    for energy_of in (energy_of_samples, energy_of_counter):
        with pytest.raises(ValueError, match=said):
            energy_of(np.array(t_ns), np.array(values), *window)


def test_coverage_is_a_share_of_the_window() -> None:
    assert Energy(1.0, 0.0, 9.0, 1.0, 1, 90).coverage == 0.9
    assert Energy(18.0, 0.0, 9.0, 1.0, 1, 90).power_w == 2.0
