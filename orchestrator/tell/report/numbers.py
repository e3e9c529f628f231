"""Numbers as people read them: three significant digits, the unit in the header, absent never as 0."""

import math
from dataclasses import dataclass

from orchestrator.domain.decision import METRIC_OF, SCORE, Estimate, metric_of


@dataclass(frozen=True)
class Column:
    """A metric's place in a table: heading, unit as printed, factor from the metric's own unit to that one.

    ``most_decimals`` caps the three significant digits where the evaluation set cannot carry them.
    """

    metric: str
    heading: str
    unit: str
    factor: float = 1.0
    signed: bool = False
    most_decimals: int | None = None

    @property
    def words(self) -> str:
        """The heading inside a sentence."""
        return self.heading if self.heading.isupper() else self.heading[0].lower() + self.heading[1:]


COLUMNS = {
    column.metric: column
    for column in (
        Column("latency_p50_ms", "Latency p50", "ms"),
        Column("latency_p99_ms", "Latency p99", "ms"),
        Column("service_p50_ms", "Service p50", "ms"),
        Column("service_p99_ms", "Service p99", "ms"),
        Column("miss_rate", "Missed deadlines", "%", 100.0),
        Column("rtf", "RTF", "ratio"),
        Column("peak_rss_mb", "Peak memory", "MB"),
        Column("size_mb", "Size", "MB"),
        Column("load_ms", "Load", "ms"),
        Column("energy_mj_per_audio_s", "Energy", "mJ per s of audio"),
        Column("quality_loss", "Quality loss", "points", 100.0, signed=True, most_decimals=2),
        Column("sustained_ratio", "Sustained ratio", "hot / cold"),
        Column("streams_held", "Streams held", "streams"),
        Column(SCORE, "Weighted score", "of the default's"),
    )
}


def limited(name: str) -> Column:
    """The column of the metric that the limit or goal ``name`` bounds; one made of its name where there is none."""
    known = name in METRIC_OF or ":" in name
    return COLUMNS[metric_of(name)] if known else Column(name, name.replace("_", " "), "")


def decimals(value: float, digits: int = 3) -> int:
    """Decimals that leave ``value`` with ``digits`` significant digits; 0 from 100 on."""
    if value == 0:
        return 0
    return max(0, digits - 1 - math.floor(math.log10(abs(value))))


def significant(value: float, at_most: int | None = None, signed: bool = False) -> str:
    """``0.01234`` -> ``0.0123``, ``1234.5`` -> ``1,234`` (an exact integer part is not rounded away), 0 -> ``0``."""
    places = decimals(value) if at_most is None else min(decimals(value), at_most)
    text = f"{value:,.{places}f}"
    if float(text.replace(",", "")) == 0:
        text = "0"
    sign = "+" if signed and value > 0 and text != "0" else ""
    return sign + text.replace("-", "\u2212")


def figure(estimate: Estimate, column: Column) -> tuple[str, str | None]:
    """The value and its interval as text, for an estimate that has a value."""
    assert estimate.value is not None
    value = estimate.value * column.factor
    at_most = column.most_decimals if value == 0 else min(decimals(value), column.most_decimals or 99)
    text = significant(value, at_most, column.signed)
    if estimate.low == estimate.value == estimate.high:
        return text, None
    low, high = (
        None if bound is None else significant(bound * column.factor, at_most, column.signed)
        for bound in (estimate.low, estimate.high)
    )
    if low and high:
        return text, f"{low} \u2026 {high}"
    return text, f"\u2264 {high}" if high else f"\u2265 {low}" if low else None


def size(byte_count: int) -> str:
    """Decimal units, as files are sold and constraints are typed: ``1,234,000`` -> ``1.23 MB``."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if byte_count >= factor:
            return f"{significant(byte_count / factor)} {unit}"
    return f"{byte_count} B"


def duration(seconds: float) -> str:
    if seconds >= 120:
        return f"{significant(seconds / 60)} min"
    if seconds >= 1:
        return f"{significant(seconds)} s"
    if seconds >= 1e-3:
        return f"{significant(seconds * 1e3)} ms"
    return f"{significant(seconds * 1e6)} µs"


def percent(share: float) -> str:
    return f"{significant(share * 100)} %"
