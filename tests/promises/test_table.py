"""The table of promises in docs/measurement.md, as it is committed: complete, and every figure within its bound."""

from pathlib import Path

import pytest

from tests.promises import table
from tests.promises.figures.row import Bound, Row, at_least, at_most, first_number

DOCUMENT = Path(__file__).parents[2] / "docs" / "measurement.md"
PROMISES = range(1, 19)


@pytest.fixture(scope="module")
def committed() -> list[tuple[int, Bound, float, float]]:
    return table.parse(DOCUMENT.read_text(encoding="utf-8"))


def test_every_promise_has_a_figure_a_row_and_a_test(committed: list[tuple[int, Bound, float, float]]) -> None:
    assert table.modules() == [f"p{n:02}" for n in PROMISES]
    assert sorted({row[0] for row in committed}) == list(PROMISES)
    tests = {int(path.name[5:7]) for path in Path(__file__).parent.glob("test_[0-9][0-9]_*.py")}
    assert tests == set(PROMISES)


def test_every_figure_keeps_its_bound_and_the_naive_one_does_not(
    committed: list[tuple[int, Bound, float, float]],
) -> None:
    for promise, bound, ours, naive in committed:
        assert bound.holds(ours), promise
        assert not bound.holds(naive), promise


ROW = Row(4, "what", at_most(2), 1.234, 56.0, "how", earshot_note="x", naive_note="7 of 8")


def test_a_cell_holds_no_bar() -> None:
    with pytest.raises(ValueError, match="a bar ends a cell"):
        Row(4, "max |d|", at_most(2), 1.0, 3.0, "how")


def test_a_row_is_read_back_as_it_was_written() -> None:
    text = table.replaced(f"# a\n{table.BEGIN}\nold\n{table.END}\nb\n", table.render([ROW]))
    assert "| 4 | what | <= 2 % | 1.23 % (x) | 56 % (7 of 8) | how |" in text
    assert "old" not in text
    assert table.parse(text) == [(4, at_most(2), 1.23, 56.0)]


def test_the_table_is_written_between_its_markers_and_the_rest_stays() -> None:
    text = f"before\n\n{table.BEGIN}\n\n{table.END}\n\nafter\n"
    once = table.replaced(text, "| a |")
    assert once == f"before\n\n{table.BEGIN}\n\n| a |\n\n{table.END}\n\nafter\n"
    assert table.replaced(once, "| a |") == once
    for wrong in ("none", f"{table.END} {table.BEGIN}", f"{table.BEGIN} {table.END} {table.END}"):
        with pytest.raises(ValueError, match="once each"):
            table.replaced(wrong, "| a |")


@pytest.mark.parametrize("bound", [at_most(5), at_least(95), Bound(93, 97), Bound(0, 0), Bound(100, 100)])
def test_a_bound_is_read_back_as_it_was_written(bound: Bound) -> None:
    assert Bound.parse(f"{bound} %") == bound


@pytest.mark.parametrize(("bound", "within", "beyond"), [(at_most(5), 5, 5.1), (at_least(95), 95, 94.9)])
def test_a_bound_holds_at_its_end(bound: Bound, within: float, beyond: float) -> None:
    assert bound.holds(within)
    assert not bound.holds(beyond)


@pytest.mark.parametrize("cell", ["", "-", "absent: no sensor"])
def test_a_cell_without_a_figure_is_refused(cell: str) -> None:
    with pytest.raises(ValueError, match="begins with its figure"):
        first_number(cell)
