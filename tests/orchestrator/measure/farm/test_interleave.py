from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.measure.farm.budget import Budget
from orchestrator.measure.farm.interleave import block_order

ITEMS = list("abcdefgh")


@given(block=st.integers(0, 50), seed=st.integers(0, 2**32))
def test_a_block_holds_every_candidate_once(block: int, seed: int) -> None:
    assert Counter(block_order(ITEMS, block, seed)) == Counter(ITEMS)


@given(pair=st.integers(0, 20), seed=st.integers(0, 2**32))
def test_the_second_of_two_blocks_mirrors_the_first(pair: int, seed: int) -> None:
    assert block_order(ITEMS, 2 * pair + 1, seed) == block_order(ITEMS, 2 * pair, seed)[::-1]


def test_linear_drift_cancels_within_a_pair_of_blocks() -> None:
    order = block_order(ITEMS, 0, 7) + block_order(ITEMS, 1, 7)
    drift: Counter[str] = Counter()
    for step, item in enumerate(order):
        drift[item] += step
    assert len(set(drift.values())) == 1


def test_another_seed_gives_another_order() -> None:
    assert len({tuple(block_order(ITEMS, 0, seed)) for seed in range(20)}) > 15


def test_budget_bounds() -> None:
    budget = Budget(total_s=240, minimum_blocks=3, maximum_blocks=12)
    assert budget.blocks(spent_s=60, reserved_s=40, block_s=30) == 4
    assert budget.blocks(spent_s=300, reserved_s=40, block_s=30) == 3
    assert budget.blocks(spent_s=0, reserved_s=0, block_s=1) == 12
    with pytest.raises(ValueError, match="budget must be > 0 s, got 0"):
        Budget(total_s=0)
