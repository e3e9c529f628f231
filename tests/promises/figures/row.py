"""One line of the table in docs/measurement.md, with its bound, and how it is read back."""

import re
from dataclasses import dataclass

HEADER = ("#", "measured", "bound", "Earshot", "naive", "the naive way")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


@dataclass(frozen=True)
class Bound:
    """``low <= figure <= high``; None: open on that side."""

    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if self.low is None and self.high is None:
            raise ValueError("a bound has a side at least")

    def holds(self, figure: float) -> bool:
        return (self.low is None or figure >= self.low) and (self.high is None or figure <= self.high)

    def __str__(self) -> str:
        if self.low is None:
            return f"<= {self.high:g}"
        if self.high is None:
            return f">= {self.low:g}"
        return f"= {self.low:g}" if self.low == self.high else f"{self.low:g}..{self.high:g}"

    @classmethod
    def parse(cls, text: str) -> "Bound":
        """As ``str`` writes it, a unit behind it. Raises ValueError."""
        numbers = [float(number) for number in _NUMBER.findall(text)]
        if text.startswith("<= "):
            return cls(high=numbers[0])
        if text.startswith(">= "):
            return cls(low=numbers[0])
        if text.startswith("= "):
            return cls(numbers[0], numbers[0])
        if ".." in text and len(numbers) == 2:
            return cls(*numbers)
        raise ValueError(f"a bound is <= x, >= x, = x or x..y, got {text!r}")


def at_most(high: float) -> Bound:
    return Bound(high=high)


def at_least(low: float) -> Bound:
    return Bound(low=low)


NONE = Bound(0.0, 0.0)


@dataclass(frozen=True)
class Row:
    """``earshot`` and ``naive`` in ``unit``; the notes stand behind them in brackets."""

    promise: int
    measured: str
    bound: Bound
    earshot: float
    naive: float
    naive_way: str
    unit: str = "%"
    earshot_note: str = ""
    naive_note: str = ""

    def __post_init__(self) -> None:
        if any("|" in cell for cell in self.cells()):
            raise ValueError(f"a bar ends a cell of the table, got {self.cells()}")

    def cells(self) -> tuple[str, ...]:
        def of(value: float, note: str) -> str:
            return f"{_plain(value)} {self.unit}" + (f" ({note})" if note else "")

        bound = f"{self.bound} {self.unit}"
        ours, theirs = of(self.earshot, self.earshot_note), of(self.naive, self.naive_note)
        return (str(self.promise), self.measured, bound, ours, theirs, self.naive_way)


def _plain(value: float) -> str:
    """Three digits, and none too many: no exponent below a million."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}".replace(",", "")


def first_number(cell: str) -> float:
    """The figure of a cell. Raises ValueError where there is none."""
    found = _NUMBER.match(cell.strip())
    if found is None:
        raise ValueError(f"a cell begins with its figure, got {cell!r}")
    return float(found[0])
