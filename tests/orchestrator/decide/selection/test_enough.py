import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.enough import asked_loss, too_small
from orchestrator.decide.selection.goals import Goal


def test_three_hundred_clips_show_one_per_cent() -> None:
    assert too_small([1.0] * 299, 0.01) is None
    found = too_small([1.0] * 120, 0.01)
    assert found is not None
    assert (found.items, found.more, found.blind) == (120, 179, False)


def test_forty_clips_cannot_tell_one_per_cent() -> None:
    found = too_small([1.0] * 40, 0.01)
    assert found is not None
    assert found.blind
    assert found.step == pytest.approx(0.025)
    sentences = too_small([5.0] * 40, 0.01)
    assert sentences is not None
    assert not sentences.blind, "one word of 200 is half a per cent"


def test_no_loss_at_all_is_told_by_any_set() -> None:
    assert too_small([1.0] * 3, 0.0) is None
    assert too_small([], 0.01) is None


@given(items=st.integers(1, 400), limit=st.floats(0.001, 0.5))
def test_what_is_said_to_be_lacking_is_enough(items: int, limit: float) -> None:
    found = too_small([1.0] * items, limit)
    if found is not None:
        assert too_small([1.0] * (items + found.more), limit) is None
        assert too_small([1.0] * (items + found.more - 1), limit) is not None


def test_the_loss_that_is_asked_for() -> None:
    assert asked_loss(Constraints()) == 0.01
    assert asked_loss(Constraints(max_quality_loss=None)) is None
    goal = Goal.parse("accuracy:max-degradation=0.03")
    assert asked_loss(Constraints(max_quality_loss=None, goals=(goal,))) == 0.03
    relative = Goal.parse("accuracy:percent-max-degradation=3")
    assert asked_loss(Constraints(max_quality_loss=None, goals=(relative,))) is None
