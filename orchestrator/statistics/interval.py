"""The shape of every answer here: a figure, what surrounds it, and what it stands on."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """``low <= value <= high`` at ``confidence``; ``n`` is the number of values it stands on.

    ``value`` None: not estimable, ``reason`` says why. ``low`` and ``high`` None with a value: the figure is known but
    its spread is not (one run), and ``reason`` says so.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    confidence: float = 0.95
    reason: str | None = None

    def __post_init__(self) -> None:
        if not 0.0 < self.confidence < 1.0:
            raise ValueError(f"confidence must lie between 0 and 1, got {self.confidence}")
        if (self.low is None) != (self.high is None):
            raise ValueError(f"an interval has both ends or none, got {self.low}..{self.high}")
        if (self.value is None or self.low is None) and not self.reason:
            raise ValueError("a figure without a value or without an interval needs its reason")


def not_estimable(reason: str, n: int, confidence: float = 0.95) -> Interval:
    return Interval(None, None, None, n, confidence, reason)
