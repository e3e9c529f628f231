"""What a device's A/A runs said: how much the same thing differs from itself there."""

import math
from dataclasses import dataclass, field

from agents.device_facts import DeviceState
from orchestrator.domain.session import Environment


@dataclass(frozen=True)
class Noise:
    """Of one metric, over ``pairs`` pairs of runs of one candidate. Deviations are those of natural logarithms.

    ``value``: geometric mean of all runs, in the metric's unit. ``between``: deviation from process to process.
    ``paired``: deviation of the log ratio of a pair. ``run_lag1``: autocorrelation from run to run. ``within``:
    deviation of the chunks of one run, median over runs, and ``chunk_lag1`` their autocorrelation; None where the
    metric has no chunks. ``ratio`` with ``low``..``high``: A/A, which in truth is 1.
    """

    value: float
    between: float
    paired: float
    pairs: int
    run_lag1: float
    ratio: float
    low: float
    high: float
    within: float | None = None
    chunk_lag1: float | None = None

    def __post_init__(self) -> None:
        if self.pairs < 2:
            raise ValueError(f"pairs must be >= 2, got {self.pairs}")
        for name in ("value", "between", "paired"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ValueError(f"{name} must be >= 0 and finite, got {getattr(self, name)}")

    @property
    def same(self) -> bool:
        """Whether the two sides could not be told apart, as they must not be."""
        return self.low <= 1.0 <= self.high


@dataclass(frozen=True)
class Calibration:
    """A device's noise floor at ``at_utc``: ``noise`` by metric, of one candidate in one mode with sessions of
    ``seconds``. ``calibration_id`` is the study's. ``state``: the device before the first session.
    """

    calibration_id: str
    device: str
    at_utc: str
    model: str
    candidate: str
    mode: str
    seconds: float
    environment: Environment
    state: DeviceState | None
    runtime: str
    runtime_version: str | None
    noise: dict[str, Noise] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.mode not in ("paced", "flat-out"):
            raise ValueError(f"mode must be paced or flat-out, got {self.mode!r}")
