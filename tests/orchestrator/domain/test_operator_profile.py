"""The nodes that take the time, and the rest as one."""

from agents.wire import OperatorTime
from orchestrator.domain.operator_profile import Others, folded


def node(name: str, us: float | None) -> OperatorTime:
    return OperatorTime("Conv", name, "CPU", 10, us, None if us is None else us / 100)


def test_the_greatest_are_shown_and_the_rest_add_up() -> None:
    top, rest = folded([node("a", 10), node("b", 50), node("c", 15), node("d", 25)], 2)
    assert [o.node for o in top] == ["b", "d"]
    assert rest == Others(nodes=2, calls=20, time_us=25, share=0.25)


def test_few_are_all_shown() -> None:
    assert folded([node("a", 10)], 2) == ((node("a", 10),), None)
    assert folded([], 2) == ((), None)


def test_untimed_nodes_come_last_in_their_order_and_have_no_sum() -> None:
    top, rest = folded([node("x", None), node("a", 10), node("y", None), node("b", 0)], 2)
    assert [o.node for o in top] == ["a", "b"]
    assert rest == Others(nodes=2, calls=20, time_us=None, share=None)
