"""What must hold of a candidate that wins: limits on its figures, and goals against the fp32 default."""

import math
from dataclasses import dataclass, fields

from orchestrator.decide.selection.goals import THRESHOLD, Goal, by_metric
from orchestrator.decide.selection.objective import Objective
from orchestrator.domain.decision import METRIC_OF
from orchestrator.errors import BadInput

# Shares: zero is a sensible limit (no miss, no loss), and more than everything is a slip of the unit.
_SHARES = ("max_miss_rate", "max_quality_loss")
# Figures of chunks that come on the clock: there are none where nobody waits for them.
ON_THE_CLOCK = ("latency_p50_ms", "latency_p99_ms", "miss_rate", "sustained_ratio", "streams_held")


@dataclass(frozen=True)
class Constraints:
    """Limits on the figures of ``METRIC_OF``; None is no limit. Raises BadInput for what cannot be meant.

    ``max_quality_loss`` bounds the error rate above the fp32 default's; it is 1 % unless said otherwise, so that a
    configuration that is fast because it is broken never wins unasked. None switches that gate off. ``max_sustained``
    bounds the service time once hot over that at first, ``min_streams`` the concurrent streams shown to be held.

    ``real_time`` False: the audio is at hand, nobody waits for a chunk, and a backlog that grows is no fault.
    ``quality_asked``: somebody named the loss that is allowed.
    """

    max_p50_ms: float | None = None
    max_p99_ms: float | None = None
    max_miss_rate: float | None = None
    max_rtf: float | None = None
    max_load_ms: float | None = None
    max_peak_mb: float | None = None
    max_size_mb: float | None = None
    max_energy_mj: float | None = None
    max_quality_loss: float | None = 0.01
    max_sustained: float | None = None
    min_streams: float | None = None
    goals: tuple[Goal, ...] = ()
    real_time: bool = True
    quality_asked: bool = False

    def __post_init__(self) -> None:
        for name, limit in self.limits().items():
            _check(name, limit)
        self._check_goals()
        self._check_percentiles()
        if not self.real_time:
            _refuse_on_the_clock([name for name in self.limits() if METRIC_OF[name] in ON_THE_CLOCK])
            _refuse_on_the_clock([str(goal) for goal in self.goals if goal.metric in ON_THE_CLOCK])

    def limits(self) -> dict[str, float]:
        """Name of each limit that is set -> its value."""
        found = {f.name: getattr(self, f.name) for f in fields(self) if f.name in METRIC_OF}
        return {name: limit for name, limit in found.items() if limit is not None}

    def asked(self) -> dict[str, object]:
        """All of it as plain JSON; what is as always is not said."""
        goals = {"goals": [str(goal) for goal in self.goals]} if self.goals else {}
        return {**self.limits(), **goals, **({} if self.real_time else {"real_time": False})}

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that are bounded."""
        limited = (METRIC_OF[name] for name in self.limits())
        return tuple(dict.fromkeys((*limited, *(goal.metric for goal in self.goals))))

    def _check_percentiles(self) -> None:
        bounds = {METRIC_OF[name]: (f"{name} {limit:g}", limit) for name, limit in self.limits().items()}
        bounds |= {goal.metric: (str(goal), goal.value) for goal in self.goals if goal.kind == THRESHOLD}
        half, most = bounds.get("latency_p50_ms"), bounds.get("latency_p99_ms")
        if half is not None and most is not None and half[1] > most[1]:
            raise BadInput(
                f"{half[0]} is above {most[0]}, but no p50 is above its p99",
                hint="swap the two, or drop the looser one",
            )

    def _check_goals(self) -> None:
        limits = {METRIC_OF[name]: name for name in self.limits()}
        for metric, goal in by_metric(self.goals).items():
            name = limits.get(metric)
            if name is not None and goal.is_limit:
                raise BadInput(
                    f"the goal {goal} and {name} = {self.limits()[name]:g} bound the same figure: one never binds",
                    hint="keep the stricter of the two",
                )


def require_fitting(objective: Objective, constraints: Constraints) -> None:
    """Raises BadInput where the objective counts what the constraints say nobody waits for."""
    if not constraints.real_time:
        _refuse_on_the_clock([f"the objective {m}" for m in objective.metrics if m in ON_THE_CLOCK])


def _refuse_on_the_clock(found: list[str]) -> None:
    if found:
        raise BadInput(
            f"{found[0]} is about chunks that come on the clock, and real_time = false says that none do",
            hint="leave it out, or ask without that preset: in a batch --minimize service or rtf counts",
        )


def _check(name: str, limit: float) -> None:
    if not math.isfinite(limit):
        raise BadInput(f"{name} must be finite, got {limit}")
    if name in _SHARES:
        if not 0.0 <= limit <= 1.0:
            raise BadInput(f"{name} is a share in 0..1, got {limit:g}", hint=f"for {limit:g} % write {limit / 100:g}")
    elif limit <= 0.0:
        raise BadInput(f"{name} must be > 0, got {limit:g}")
    if name == "max_sustained" and limit < 1.0:
        raise BadInput(
            f"max_sustained must be >= 1, got {limit:g}: it is the service time once hot over that at first",
            hint=f"for a speed of {limit:g} in the end write {1 / limit:.3g}",
        )
    if name == "min_streams" and limit != int(limit):
        raise BadInput(f"min_streams must be a whole number, got {limit:g}")
