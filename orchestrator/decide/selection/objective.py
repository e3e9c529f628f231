"""What wins among those that meet the constraints: one figure, or a weighted profile of several."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from orchestrator.decide.selection.names import nearest_name
from orchestrator.domain.decision import MORE_IS_BETTER, SCORE, as_cost
from orchestrator.errors import BadInput

# Short name -> metric. A metric's own name is taken as well.
OBJECTIVES = {
    "latency": "latency_p50_ms",
    "p99": "latency_p99_ms",
    "service": "service_p50_ms",
    "energy": "energy_mj_per_audio_s",
    "memory": "peak_rss_mb",
    "size": "size_mb",
    "load": "load_ms",
    "rtf": "rtf",
    "sustained": "sustained_ratio",
    "streams": "streams_held",
}
# Those that can be asked for alone.
MINIMIZED = tuple(name for name, metric in OBJECTIVES.items() if metric not in MORE_IS_BETTER)


@dataclass(frozen=True)
class Objective:
    """``asked``: one name of ``OBJECTIVES`` (``latency``), or names with weights (``latency=2,energy=1``).

    Raises BadInput for a name that is not known, the same twice, a weight that is not > 0, and one figure alone of
    which more is better without a weight: to minimize it cannot be meant.
    """

    asked: str = "latency"

    def __post_init__(self) -> None:
        if self.metric in MORE_IS_BETTER and "=" not in self.asked:
            raise BadInput(
                f"minimize {self.asked!r} would look for the fewest, and more of it is better",
                hint=f"--weigh {self.asked}=1 looks for the most",
            )

    def __str__(self) -> str:
        """The same for the same question, however it was asked: ``latency_p50_ms``."""
        single = len(self.metrics) == 1
        return self.metric if single else ",".join(f"{metric}={share:.4g}" for metric, share in self.weights.items())

    @cached_property
    def weights(self) -> Mapping[str, float]:
        """Metric -> its share of the whole; the shares sum to 1."""
        parts = [part.strip() for part in self.asked.split(",")]
        found: dict[str, float] = {}
        for part in parts:
            name, weighed, text = (piece.strip() for piece in part.partition("="))
            metric = objective_metric(name)
            if metric in found:
                raise BadInput(f"{name!r} is weighed twice in {self.asked!r}", hint="keep one of the two")
            if not weighed and len(parts) > 1:
                raise BadInput(f"{part!r} has no weight in {self.asked!r}", hint="write it like latency=2,energy=1")
            found[metric] = _weight(name, text) if weighed else 1.0
        whole = sum(found.values())
        return {metric: weight / whole for metric, weight in found.items()}

    @property
    def metrics(self) -> tuple[str, ...]:
        """All that must be known of a candidate for it to be ranked."""
        return tuple(self.weights)

    @property
    def metric(self) -> str:
        """What candidates are ranked by: the one metric, or the score of the profile (``domain.decision.SCORE``)."""
        return self.metrics[0] if len(self.metrics) == 1 else SCORE

    def score(self, values: Mapping[str, float]) -> float | None:
        """Lower is better: of one metric its value, of a profile the weighted geometric mean; each is turned so that
        less is better. None where one is missing or, in a profile, not above zero, of which no ratio can be told.

        The ratio of two scores does not depend on the units.
        """
        if any(metric not in values for metric in self.metrics):
            return None
        if len(self.metrics) == 1:
            return as_cost(self.metrics[0], values[self.metrics[0]])
        if any(not values[metric] > 0.0 for metric in self.metrics):
            return None
        return math.exp(sum(share * math.log(as_cost(m, values[m])) for m, share in self.weights.items()))


def objective_metric(name: str) -> str:
    """Raises BadInput with the nearest name; of a metric whose best value is zero, of which ratios say nothing, too."""
    if name in OBJECTIVES:
        return OBJECTIVES[name]
    if name in OBJECTIVES.values():
        return name
    close = nearest_name(name, (*OBJECTIVES, *OBJECTIVES.values()))
    raise BadInput(
        f"minimize must be one of {', '.join(MINIMIZED)}, got {name!r}{close}",
        hint="quality and late chunks are bounded by limits: --max-quality-loss, --max-miss-rate",
    )


def _weight(name: str, text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        raise BadInput(f"the weight of {name} must be a number, got {text!r}", hint="latency=2,energy=1") from None
    if not (math.isfinite(weight) and weight > 0):
        raise BadInput(f"the weight of {name} must be > 0 and finite, got {text}", hint="leave out what does not count")
    return weight
