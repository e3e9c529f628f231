import numpy as np
import pytest

from orchestrator.statistics.bootstrap import items_needed, paired_difference


def test_equal_items_are_exactly_zero() -> None:
    errors = np.array([0.0, 1.0, 0.0, 2.0])
    found = paired_difference(errors, errors, np.array([1, 1, 3, 4]), seed=1)
    assert (found.value, found.lower, found.upper, found.low, found.high) == (0, 0, 0, 0, 0)
    assert found.discordant == 0


def test_value_is_the_difference_of_the_rates() -> None:
    errors, baseline, counts = np.array([1, 0, 2, 0]), np.array([0, 0, 1, 1]), np.array([1, 4, 5, 10])
    assert paired_difference(errors, baseline, counts, seed=1).value == pytest.approx(3 / 20 - 2 / 20)


def test_same_distribution_as_drawing_items_one_by_one() -> None:
    rng = np.random.default_rng(2)
    counts = rng.integers(3, 9, 300)
    errors, baseline = rng.binomial(counts, 0.1), rng.binomial(counts, 0.08)
    found = paired_difference(errors, baseline, counts, seed=3)
    drawn = rng.integers(0, 300, (10_000, 300))
    plain = (errors - baseline)[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    spread = plain.std()
    assert found.upper == pytest.approx(np.quantile(plain, 0.95), abs=0.06 * spread)
    assert found.lower == pytest.approx(np.quantile(plain, 0.05), abs=0.06 * spread)
    assert found.high == pytest.approx(np.quantile(plain, 0.975), abs=0.08 * spread)


def test_upper_bound_covers_a_known_loss() -> None:
    rng, loss, hits, trials = np.random.default_rng(4), 0.02, 0, 600
    for trial in range(trials):
        baseline = rng.random(1000) < 0.04
        worse, better = rng.random(1000) < 0.03, rng.random(1000) < 0.01 / 0.04
        errors = np.where(baseline, ~better, worse)
        truth = 0.96 * 0.03 - 0.04 * 0.25
        hits += paired_difference(errors, baseline, np.ones(1000), seed=trial, resamples=1000).upper >= truth
    assert truth == pytest.approx(loss, abs=0.002)
    assert 0.925 <= hits / trials <= 0.98


def test_seeded() -> None:
    rng = np.random.default_rng(5)
    data = rng.random(200) < 0.1, rng.random(200) < 0.1, np.ones(200)
    assert paired_difference(*data, seed=7) == paired_difference(*data, seed=7)
    assert paired_difference(*data, seed=7) != paired_difference(*data, seed=8)


def test_items_needed_bring_the_bound_down() -> None:
    rng = np.random.default_rng(6)

    def measured(n: int) -> tuple[float, float, float]:
        errors, baseline = rng.random(n) < 0.055, rng.random(n) < 0.05
        found = paired_difference(errors, baseline, np.ones(n), seed=1)
        return found.value, found.spread, found.upper

    _, spread, _ = measured(20_000)
    needed = items_needed(0.005, spread, 0.01)
    assert needed is not None
    bounds = [measured(needed)[2] for _ in range(60)]
    assert np.mean(bounds) == pytest.approx(0.01, abs=0.0015)


def test_items_needed_for_no_difference_is_the_rule_of_three() -> None:
    assert items_needed(0.0, 0.0, 0.01) == 299
    assert items_needed(0.02, 0.1, 0.01) is None


@pytest.mark.parametrize("counts", [np.array([1.0, 0.0]), np.array([1.0]), np.array([])])
def test_unpaired_items_are_refused(counts: np.ndarray) -> None:
    with pytest.raises(ValueError, match="items"):
        paired_difference(np.zeros(2), np.zeros(2), counts, seed=1)


def test_counts_of_its_own_are_resampled_with_the_items() -> None:
    rng = np.random.default_rng(8)
    hits = rng.integers(20, 60, 200)
    errors, baseline = rng.binomial(hits, 0.12), rng.binomial(hits, 0.1)
    counts, baseline_counts = 2 * hits + errors, 2 * hits + baseline
    found = paired_difference(errors, baseline, counts, baseline_counts, seed=3)
    drawn = rng.integers(0, 200, (10_000, 200))
    rates = [e[drawn].sum(axis=1) / c[drawn].sum(axis=1) for e, c in ((errors, counts), (baseline, baseline_counts))]
    plain = rates[0] - rates[1]
    assert found.value == pytest.approx(errors.sum() / counts.sum() - baseline.sum() / baseline_counts.sum())
    assert found.upper == pytest.approx(np.quantile(plain, 0.95), abs=0.08 * plain.std())
    assert found.lower == pytest.approx(np.quantile(plain, 0.05), abs=0.08 * plain.std())
    assert found.spread / np.sqrt(200) == pytest.approx(plain.std(), rel=0.05)


def test_counts_that_are_the_same_change_nothing() -> None:
    rng = np.random.default_rng(9)
    data = rng.random(200) < 0.1, rng.random(200) < 0.1, rng.integers(1, 5, 200)
    assert paired_difference(*data, data[2], seed=7) == paired_difference(*data, seed=7)
