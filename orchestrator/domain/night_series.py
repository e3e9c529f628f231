"""What one configuration gave night after night: the material in which a regression is looked for."""

import math
import statistics
from dataclasses import dataclass, fields
from datetime import date
from functools import cached_property

from orchestrator.domain.score import ItemScore

# How a metric's values differ from themselves. ``ratio``: by noise, in per cent; ``exact``: not at all; ``items``: as
# the evaluation's items were drawn.
RATIO, EXACT, ITEMS = "ratio", "exact", "items"
_NOISES = (RATIO, EXACT, ITEMS)
_ENOUGH_TO_TRIM = 5


@dataclass(frozen=True)
class WatchedMetric:
    """``worse`` is +1 where more of it is worse, -1 where less of it is."""

    unit: str
    noise: str = RATIO
    worse: int = 1

    def __post_init__(self) -> None:
        if self.noise not in _NOISES or self.worse not in (1, -1):
            raise ValueError(f"noise must be one of {_NOISES} and worse 1 or -1, got {self.noise!r}, {self.worse}")


WATCHED = {
    "latency_p50_ms": WatchedMetric("ms"),
    "latency_p99_ms": WatchedMetric("ms"),
    "service_p50_ms": WatchedMetric("ms"),
    "rtf": WatchedMetric("ratio"),
    "load_ms": WatchedMetric("ms"),
    "peak_rss_mb": WatchedMetric("MB"),
    "energy_mj_per_audio_s": WatchedMetric("mJ/s"),
    "streams": WatchedMetric("streams", worse=-1),
    "size_mb": WatchedMetric("MB", EXACT),
    "error_rate": WatchedMetric("share", ITEMS),
}


@dataclass(frozen=True)
class Axes:
    """What may have changed between two nights; None: not recorded."""

    model_commit: str | None = None
    exporter: str | None = None
    runtime: str | None = None
    os_build: str | None = None
    device_unit: str | None = None


AXES = tuple(field.name for field in fields(Axes))
# Those that travel with what is pushed: a re-run on the device can put the old one beside the new one.
PUSHED_AXES = ("model_commit", "exporter", "runtime")


@dataclass(frozen=True)
class SeriesKey:
    """``device`` is a device's name, or a device model where its units are taken together. ``variant``: threads, chunk
    and options, where they are told apart.
    """

    device: str
    model: str
    runtime: str
    provider: str
    precision: str
    mode: str
    metric: str
    variant: str = ""

    def __post_init__(self) -> None:
        if self.metric not in WATCHED:
            raise ValueError(f"metric must be one of {', '.join(WATCHED)}, got {self.metric!r}")

    @property
    def watched(self) -> WatchedMetric:
        return WATCHED[self.metric]

    @property
    def configuration(self) -> tuple[str, ...]:
        """All but the metric: one re-run answers for all metrics of it."""
        return (self.device, self.model, self.runtime, self.provider, self.precision, self.mode, self.variant)

    def __str__(self) -> str:
        variant = f" {self.variant}" if self.variant else ""
        how = f"{self.runtime}, {self.provider}, {self.mode}"
        return f"{self.metric} of {self.model} {self.precision}{variant} ({how}) on {self.device}"


@dataclass(frozen=True)
class Night:
    """``values``: one of each process run, in the metric's unit. ``at`` is the date on which the night began, ISO 8601.

    ``artifact``: hash of what ran. ``items``: the evaluation's, for a metric whose noise is theirs.
    """

    at: str
    values: tuple[float, ...]
    artifact: str
    axes: Axes = Axes()
    items: tuple[ItemScore, ...] = ()

    def __post_init__(self) -> None:
        date.fromisoformat(self.at)
        if not self.values or not all(math.isfinite(value) for value in self.values):
            raise ValueError(f"a night needs finite values, {self.at} has {self.values}")

    @cached_property
    def level(self) -> float:
        """Mean of the runs' logarithms, of five or more without the lowest and the highest. Values must be > 0."""
        logs = sorted(math.log(value) for value in self.values)
        return statistics.fmean(logs[1:-1] if len(logs) >= _ENOUGH_TO_TRIM else logs)

    @cached_property
    def deviation(self) -> float | None:
        """Standard deviation of the runs' logarithms; None with one run."""
        return statistics.stdev([math.log(value) for value in self.values]) if len(self.values) > 1 else None


@dataclass(frozen=True)
class Series:
    """The nights in order; one without a value is left out, not filled."""

    key: SeriesKey
    nights: tuple[Night, ...]

    def __post_init__(self) -> None:
        dates = [night.at for night in self.nights]
        if not dates or dates != sorted(set(dates)):
            raise ValueError(f"{self.key} needs nights in order, each once, got {dates}")
        if self.key.watched.noise == RATIO and any(value <= 0 for night in self.nights for value in night.values):
            raise ValueError(f"{self.key} is compared by ratios: its values must be > 0")

    @property
    def last(self) -> Night:
        return self.nights[-1]

    def since(self, at: str | None) -> "Series":
        """Without the nights before ``at``, where its level is another one; all where ``at`` is None."""
        return self if at is None else Series(self.key, tuple(night for night in self.nights if night.at >= at))
