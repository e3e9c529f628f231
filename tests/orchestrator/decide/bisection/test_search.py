"""The right version through noise, with the certainty that is said; and what becomes of what has no single one."""

import numpy as np
import pytest

from orchestrator.decide.bisection.belief import belief
from orchestrator.decide.bisection.search import Ask, Care, Found, NotSeen, Open, next_step
from tests.orchestrator.decide.bisection.simulated import Versions, searched, stepped

SEEDS = 120


@pytest.mark.parametrize(
    ("count", "effect", "noise", "odd"),
    [(2, 1.05, 0.03, 0.0), (12, 1.05, 0.03, 0.0), (64, 1.07, 0.03, 0.0), (64, 0.9, 0.05, 0.0), (24, 1.1, 0.03, 0.05)],
)
def test_the_right_version_is_found_in_19_of_20_searches(count: int, effect: float, noise: float, odd: float) -> None:
    right = wrong = 0
    pairs = []
    for seed in range(SEEDS):
        at = 1 + seed % (count - 1)
        versions = Versions(stepped(count, at, effect), noise, odd, seed)
        found = searched(versions)
        pairs.append(versions.count)
        if isinstance(found, Found):
            assert found.probability >= 0.95
            right += found.first == found.last == at
            wrong += found.first != at
    assert right >= 0.95 * SEEDS, (right, wrong)
    # By testing every version as often as the ends it would take this many.
    assert np.median(pairs) < max(8 * count, 17)


def test_equal_things_are_not_searched() -> None:
    found = [searched(Versions([1.0] * 16, seed=seed)) for seed in range(SEEDS)]
    assert sum(isinstance(each, NotSeen) for each in found) >= 0.98 * SEEDS
    # How small it must be is said.
    assert all(abs(each.effect.value - 1.0) < 0.05 for each in found if isinstance(each, NotSeen) and each.effect.value)


def test_what_cannot_be_measured_is_in_the_range_that_is_named() -> None:
    for seed in range(40):
        versions = Versions(stepped(16, 9, 1.1), seed=seed)
        found = searched(versions, unfit={8, 9, 10})
        assert isinstance(found, Found)
        assert (found.first, found.last) == (8, 11)
    none_left = searched(Versions(stepped(5, 2, 1.1)), unfit={1, 2, 3})
    assert isinstance(none_left, Found)
    assert (none_left.first, none_left.last, none_left.probability) == (1, 4, pytest.approx(1.0))


def test_a_step_that_is_not_the_whole_effect_says_so() -> None:
    parts = [searched(Versions([1.0] * 5 + [1.08] * 5 + [1.16] * 5, 0.01, seed=seed)) for seed in range(40)]
    assert all(isinstance(found, Found | Open) for found in parts)
    named = [found for found in parts if isinstance(found, Found)]
    assert named
    # Of two equal steps one is half, which few pairs now and then take for two thirds.
    assert sum(found.partial for found in named) >= 0.9 * len(named)
    whole = searched(Versions(stepped(15, 5, 1.16), 0.01))
    assert isinstance(whole, Found)
    assert not whole.partial
    assert whole.step.value == pytest.approx(1.16, rel=0.02)


def test_too_little_time_leaves_a_range() -> None:
    versions = Versions(stepped(64, 40, 1.08), 0.05, seed=1)
    found = searched(versions, care=Care(most_ends=16, most_pairs=17))
    assert isinstance(found, Open)
    assert found.first <= 40 <= found.last
    assert found.probability >= 0.95


def test_the_same_pairs_ask_the_same() -> None:
    """An interrupted search goes on as if it had not been."""
    one, other = Versions(stepped(20, 7, 1.06), seed=3), Versions(stepped(20, 7, 1.06), seed=3)
    asked = []
    while isinstance(step := next_step(20, one.pairs), Ask):
        asked.append(step)
        one.measure(step)
    for step in asked:
        assert next_step(20, dict(other.pairs)) == step
        other.measure(step)


def test_values_that_repeat_exactly_are_believed() -> None:
    found = searched(Versions(stepped(8, 3, 1.2), noise=0.0))
    assert isinstance(found, Found)
    assert (found.first, found.last) == (3, 3)


def test_what_the_pairs_say_is_a_distribution() -> None:
    weights = belief({3: [0.1, 0.11], 1: [0.0, 0.01]}, 4)
    assert weights.sum() == pytest.approx(1.0)
    assert (weights[0], weights[1] < 0.01) == (0.0, True)
    assert weights[2] == pytest.approx(weights[3])


@pytest.mark.parametrize("wrong", [{"certain": 0.4}, {"ends": 1}, {"batch": 0}, {"least": 0.0}, {"most_pairs": 10}])
def test_care_that_is_none_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must hold"):
        Care(**wrong)  # type: ignore[arg-type]


def test_versions_of_the_same_bytes_need_no_pair() -> None:
    versions = Versions(stepped(10, 6, 1.1), seed=2)
    versions.measure(Ask(9, 8))
    found = next_step(10, versions.pairs, old=5, new=6)
    assert isinstance(found, Found)
    assert (found.first, found.last, found.probability) == (6, 6, pytest.approx(1.0))
    asked = next_step(10, versions.pairs, old=3)
    assert isinstance(asked, Ask)
    assert asked.version > 3
