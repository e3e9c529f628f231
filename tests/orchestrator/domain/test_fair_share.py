"""Whose turn it is, without a database."""

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.fair_share import QUANTUM_S, Turn, next_turn


def _turn(name: str, user: str = "ada", priority: int = 0, deadline: float | None = None, at: float = 0.0) -> Turn:
    return Turn(f"{name} job", name, user, priority, deadline, at, 0)


def _next(ready: list[Turn], used: dict[str, float] | None = None, last: str | None = None) -> str:
    found = next_turn(ready, used or {}, last)
    assert found is not None
    return found.order_id


def test_nothing_is_ready() -> None:
    assert next_turn([], {}, None) is None


def test_priority_comes_before_share_and_share_before_deadline() -> None:
    assert _next([_turn("a"), _turn("b", "bob", priority=1)], {"bob": 1e6}) == "b"
    assert _next([_turn("a", deadline=1.0), _turn("b", "bob")], {"ada": 2 * QUANTUM_S}) == "b"
    assert _next([_turn("a"), _turn("b", deadline=5.0)]) == "b"


def test_an_order_goes_on_until_another_user_is_behind_by_a_quantum() -> None:
    both = [_turn("a"), _turn("b", "bob", at=1.0)]
    assert _next(both, {"ada": 0.9 * QUANTUM_S}, "a") == "a"
    assert _next(both, {"ada": 1.1 * QUANTUM_S}, "a") == "b"
    assert _next([_turn("a"), _turn("b", at=1.0)], {}, "b") == "b"
    assert _next([_turn("a", at=2.0), _turn("b", at=1.0)]) == "b"


@given(st.lists(st.sampled_from(["ada", "bob", "eve"]), min_size=2, max_size=3, unique=True), st.integers(0, 3))
def test_users_with_endless_work_end_up_with_equal_shares(users: list[str], first: int) -> None:
    used = dict.fromkeys(users, 0.0)
    used[users[first % len(users)]] = 10 * QUANTUM_S
    last: str | None = None
    for _ in range(200):
        last = _next([_turn(user, user) for user in users], used, last)
        used[last] += 20.0
    assert max(used.values()) - min(used.values()) <= QUANTUM_S + 20.0
