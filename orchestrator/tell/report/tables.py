"""A table before it is HTML: headings, rows of cells, and footnotes that say why a figure is absent."""

from dataclasses import dataclass, field

from orchestrator.domain.decision import Estimate
from orchestrator.domain.recipe import Recipe
from orchestrator.tell.report.numbers import Column, figure


@dataclass(frozen=True)
class Heading:
    text: str
    unit: str = ""
    number: bool = False


@dataclass(frozen=True)
class Cell:
    """``detail`` stands below the text in small print; ``title`` is a tooltip; ``note`` the number of a footnote."""

    text: str
    detail: str = ""
    title: str = ""
    note: int | None = None
    kind: str = "text"


@dataclass(frozen=True)
class Row:
    """The first cell is the row's header. ``role`` is an ``Entry.role`` or empty."""

    cells: tuple[Cell, ...]
    role: str = ""


@dataclass
class Footnotes:
    """Numbers reasons from 1, the same reason once."""

    reasons: list[str] = field(default_factory=list)

    def number(self, reason: str) -> int:
        if reason not in self.reasons:
            self.reasons.append(reason)
        return self.reasons.index(reason) + 1


@dataclass(frozen=True)
class Table:
    """``name`` is unique in the page and names the footnotes' anchors."""

    name: str
    caption: str
    headings: tuple[Heading, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


def text(value: object, detail: str = "", title: str = "") -> Cell:
    return Cell(str(value), detail, title)


def recipe(value: Recipe) -> Cell:
    """Its options below it, where they can wrap; the text that people type is the tooltip."""
    options = ", ".join(f"{name}={chosen}" for name, chosen in value.options)
    return Cell(f"{value.format}:{value.precision}", options, title=str(value))


def number(value: str, detail: str = "") -> Cell:
    return Cell(value, detail, kind="number")


def absent(words: str, reason: str, notes: Footnotes) -> Cell:
    """A figure that is not there, in words and with its reason; never 0."""
    return Cell(words, title=reason, note=notes.number(reason), kind="absent")


def estimate(value: Estimate | None, column: Column, notes: Footnotes) -> Cell:
    """The decision's own figure: value over interval, or why there is none."""
    if value is None:
        return absent("not measured", f"{column.words} is not part of this decision's figures", notes)
    if value.value is None:
        reason = value.reason or ""
        return absent("not estimable" if value.n else "not measured", reason, notes)
    shown, interval = figure(value, column)
    caveat = notes.number(value.reason) if value.reason else None
    return Cell(shown, interval or "", title=_basis(value, column), note=caveat, kind="number")


def _basis(value: Estimate, column: Column) -> str:
    if value.low is None and value.high is None:
        return value.reason or ""
    basis = value.basis if value.n != 1 else value.basis.removesuffix("s")
    kind = "one-sided 95 % bounds" if column.metric == "quality_loss" else "95 % interval"
    return f"{kind} over {value.n:,} {basis}"
