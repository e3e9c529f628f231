"""A decision: which candidate wins on a device, by how much, and why each other one does not."""

import math
from dataclasses import dataclass, field

from orchestrator.domain.candidate import Candidate

# Metric -> unit. Lower is better but for ``MORE_IS_BETTER``; `quality_loss` is the error rate above the fp32 default's.
METRICS = {
    "latency_p50_ms": "ms",
    "latency_p99_ms": "ms",
    "service_p50_ms": "ms",
    "service_p99_ms": "ms",
    "miss_rate": "share",
    "rtf": "ratio",
    "peak_rss_mb": "MB",
    "size_mb": "MB",
    "load_ms": "ms",
    "energy_mj_per_audio_s": "mJ/s",
    "quality_loss": "share",
    "sustained_ratio": "ratio",
    "streams_held": "streams",
}
MORE_IS_BETTER = frozenset({"streams_held"})
# Of a weighted profile: the weighted geometric mean of its metrics, as a ratio to the fp32 default's. Lower is better.
SCORE = "score"

# Limit that a person can set -> the metric that it bounds.
METRIC_OF = {
    "max_p50_ms": "latency_p50_ms",
    "max_p99_ms": "latency_p99_ms",
    "max_miss_rate": "miss_rate",
    "max_rtf": "rtf",
    "max_load_ms": "load_ms",
    "max_peak_mb": "peak_rss_mb",
    "max_size_mb": "size_mb",
    "max_energy_mj": "energy_mj_per_audio_s",
    "max_quality_loss": "quality_loss",
    "max_sustained": "sustained_ratio",
    "min_streams": "streams_held",
}

STATUSES = ("winner", "front", "dominated", "rejected")
VERDICTS = ("winner", "no-difference", "infeasible")


def metric_of(constraint: str) -> str:
    """The metric that a limit or a goal (``GoalAsked.asked``) bounds."""
    name = METRIC_OF.get(constraint) or constraint.partition(":")[0]
    return name if name in METRICS else "quality_loss"


def as_cost(metric: str, value: float) -> float:
    """``value`` turned so that less is better: of what more is better its inverse, of none of that infinity."""
    if metric not in MORE_IS_BETTER:
        return value
    return 1.0 / value if value > 0 else math.inf


def worse(metric: str, value: float, than: float) -> bool:
    """In the direction of the metric."""
    return value < than if metric in MORE_IS_BETTER else value > than


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval at 95 %; ``value`` None means not estimable or not measured, with the ``reason``.

    ``n`` counts what the interval stands on: independent runs, items, or chunks, as ``basis`` says.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    basis: str = "runs"
    reason: str | None = None

    def __post_init__(self) -> None:
        if self.value is None and not self.reason:
            raise ValueError("an estimate without a value needs its reason")


@dataclass(frozen=True)
class CandidateVerdict:
    """One candidate's figures and its place. ``gate`` names what rejected it (placement, quality, p99, ...)."""

    candidate: Candidate
    status: str
    reason: str
    metrics: dict[str, Estimate] = field(default_factory=dict)
    gate: str | None = None

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"status must be one of {STATUSES}, got {self.status!r}")
        unknown = set(self.metrics) - {*METRICS, SCORE}
        if unknown:
            raise ValueError(f"unknown metrics {sorted(unknown)}; known are {sorted(METRICS)}")


@dataclass(frozen=True)
class GoalAsked:
    """A goal against the fp32 default as it was asked for, and the limit on ``metric`` that follows from the default's
    figure; None where it has none, and ``reason`` says why.
    """

    asked: str
    metric: str
    default: float | None
    limit: float | None
    reason: str | None = None


@dataclass(frozen=True)
class GateTally:
    """How many candidates a gate kept out. ``nearest``: key of the one that came nearest, with its ``reason``;
    ``relax``: what would let it pass, in words or as flags.
    """

    gate: str
    count: int
    nearest: str
    reason: str
    relax: str


@dataclass(frozen=True)
class ColdAndHot:
    """Keys of who is fastest beyond the noise while the device is cold and once it is hot, of all candidates that have
    sustained sessions there; None: no difference, or not known, as ``said`` tells.
    """

    cold: str | None
    hot: str | None
    said: str


@dataclass(frozen=True)
class Nearest:
    """For an infeasible request: the binding constraint and what the nearest candidate reaches."""

    constraint: str
    limit: float
    candidate_key: str
    reached: float | None


@dataclass(frozen=True)
class Verification:
    """The re-exported winner in fresh sessions. ``byte_equal``: the re-export gave the same bytes."""

    candidate_key: str
    artifact_sha256: str
    byte_equal: bool
    metric: str
    expected: Estimate
    measured: Estimate
    passed: bool
    session_ids: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Decision:
    """``gain`` is baseline / winner of the objective (2.0 = twice as good); ``winner`` and ``baseline`` are keys.

    ``weights``: metric -> share, of a weighted profile, whose ``objective`` is ``SCORE``. ``spans``: the metrics that
    the front is in. ``gates``: which one kept how many out, in the order of the gates. ``relax``: flags with which the
    nearest candidate of an infeasible request would have won.
    """

    study_id: str
    model: str
    device: str
    device_model: str
    objective: str
    constraints: dict[str, float]
    verdict: str
    candidates: tuple[CandidateVerdict, ...]
    winner: str | None
    baseline: str | None
    gain: Estimate
    quality_cost: Estimate
    sentence: str
    nearest: Nearest | None = None
    verification: Verification | None = None
    weights: dict[str, float] = field(default_factory=dict)
    goals: tuple[GoalAsked, ...] = ()
    spans: tuple[str, ...] = ()
    gates: tuple[GateTally, ...] = ()
    relax: tuple[str, ...] = ()
    cold_and_hot: ColdAndHot | None = None

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"verdict must be one of {VERDICTS}, got {self.verdict!r}")
        if (self.winner is None) != (self.verdict == "infeasible"):
            raise ValueError(f"verdict {self.verdict} does not fit winner {self.winner}")

    @property
    def asked(self) -> tuple[str, ...]:
        """Metrics that the objective, the limits and the goals are about; a profile's score first."""
        bounded = (metric_of(name) for name in (*self.constraints, *(goal.asked for goal in self.goals)))
        return tuple(dict.fromkeys((self.objective, *self.weights, *bounded)))

    def of(self, key: str) -> CandidateVerdict:
        """The verdict of the candidate with this key. Raises KeyError."""
        for verdict in self.candidates:
            if verdict.candidate.key == key:
                return verdict
        raise KeyError(key)
