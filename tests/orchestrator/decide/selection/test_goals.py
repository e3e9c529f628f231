import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator.decide.selection.goals import TYPES, Goal, by_metric, outward
from orchestrator.errors import BadInput


@pytest.mark.parametrize(
    ("text", "default", "limit"),
    [
        ("latency_p99_ms:threshold=12", 20.0, 12.0),
        ("p99:max-degradation=3", 20.0, 23.0),
        ("p99:min-improvement=3", 20.0, 17.0),
        ("p99:percent-max-degradation=10", 20.0, 22.0),
        ("p99:percent_min_improvement=20", 20.0, 16.0),
        ("streams:percent-min-improvement=50", 4.0, 6.0),
        ("streams:max-degradation=1", 4.0, 3.0),
        ("streams:percent-max-degradation=25", 4.0, 3.0),
        # Of quality the limit is on the loss, and the default's figure is its error rate.
        ("quality_loss:max-degradation=0.02", 0.1, 0.02),
        ("quality_loss:percent-max-degradation=10", 0.1, 0.01),
        ("quality_loss:min-improvement=0.03", 0.1, -0.03),
        ("quality_loss:threshold=0.02", 0.1, 0.02),
        ("accuracy:max-degradation=0.02", 0.1, 0.02),
        ("accuracy:percent-max-degradation=10", 0.1, 0.09),
        ("accuracy:min-improvement=0.03", 0.1, -0.03),
        ("accuracy:threshold=0.85", 0.1, 0.05),
    ],
)
def test_a_goal_is_a_limit_once_the_default_is_known(text: str, default: float, limit: float) -> None:
    assert Goal.parse(text).limit(default) == pytest.approx(limit)


def test_what_is_said_can_be_read_again() -> None:
    goal = Goal.parse(" p99 : percent_min_improvement=20 ")
    assert str(goal) == "latency_p99_ms:percent-min-improvement=20"
    assert Goal.parse(str(goal)) == goal
    assert goal.improves
    assert not Goal.parse("p99:threshold=5").improves


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("latency_p99_mss:threshold=3", "did you mean latency_p99_ms"),
        ("p99:percent-min-improvment=3", "did you mean percent-min-improvement"),
        ("p99=3", "must be METRIC:TYPE=VALUE"),
        ("p99:threshold", "must be METRIC:TYPE=VALUE"),
        ("p99:threshold=low", "must be a number"),
        ("p99:threshold=inf", ">= 0 and finite"),
        ("p99:max-degradation=-1", ">= 0 and finite"),
        ("p99:percent-min-improvement=100", "nothing falls by 100 %"),
        ("accuracy:percent-max-degradation=120", "nothing falls by 120 %"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        Goal.parse(text)


def test_what_may_rise_without_end_may() -> None:
    assert Goal.parse("p99:percent-max-degradation=300").limit(10.0) == pytest.approx(40.0)
    assert Goal.parse("streams:percent-min-improvement=300").limit(2.0) == pytest.approx(8.0)


def test_two_goals_for_one_figure_are_refused() -> None:
    with pytest.raises(BadInput, match="two goals are about quality_loss"):
        by_metric([Goal.parse("accuracy:max-degradation=0.01"), Goal.parse("quality_loss:max-degradation=0.02")])


@given(
    name=st.sampled_from(["latency_p99_ms", "streams_held", "quality_loss", "accuracy"]),
    kind=st.sampled_from(TYPES),
    reached=st.floats(0.001, 0.9),
    default=st.floats(0.001, 0.9),
)
def test_the_goal_that_a_figure_reaches_lets_it_pass(name: str, kind: str, reached: float, default: float) -> None:
    # A loss of all that there is to lose is no goal.
    assume(name != "accuracy" or reached + default < 0.98)
    more, wanted = name == "streams_held", Goal.of(name, kind, 1.0)
    goal = wanted.reaching(reached, default)
    if goal is None:
        same = 0.0 if wanted.metric == "quality_loss" else default
        improved = reached > same if more else reached < same
        assert improved != wanted.improves or reached == same
        return
    limit = goal.limit(default)
    assert (reached >= limit - 1e-9) if more else (reached <= limit + 1e-9)


@given(st.floats(1e-6, 1e6))
def test_three_digits_outward(value: float) -> None:
    assert outward(value) >= value * (1 - 1e-9)
    assert outward(value) <= value * 1.011
    assert outward(value, down=True) <= value * (1 + 1e-9)
