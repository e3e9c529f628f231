"""Limits and goals as one list of bounds on figures, once it is known what the fp32 default reaches."""

from dataclasses import dataclass

from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.evidence import Evidence
from orchestrator.decide.selection.goals import QUALITY_LOSS, THRESHOLD, Goal, outward
from orchestrator.domain.decision import METRIC_OF, MORE_IS_BETTER, Estimate, GoalAsked


@dataclass(frozen=True)
class Bound:
    """``limit`` None: a goal against a default without that figure, and ``reason`` says why. ``goal`` None: a limit.

    ``default``: the default's figure, of quality its error rate; only a goal needs it.
    """

    name: str
    metric: str
    limit: float | None
    goal: Goal | None = None
    default: float | None = None
    reason: str | None = None

    def told(self) -> GoalAsked:
        return GoalAsked(self.name, self.metric, self.default, self.limit, self.reason)

    def relaxed(self, reached: float) -> str | None:
        """The flag with which ``reached`` is just allowed; None where the goal has to go."""
        if self.goal is None:
            value = outward(reached, down=self.metric in MORE_IS_BETTER)
            return f"--{self.name.replace('_', '-')} {value:g}"
        goal = self.goal.reaching(reached, float(self.default or 0.0))
        return None if goal is None else f"--goal {goal}"


def bounds_of(constraints: Constraints, baseline: Evidence | None) -> tuple[Bound, ...]:
    limits = [Bound(name, METRIC_OF[name], limit) for name, limit in constraints.limits().items()]
    return (*limits, *(_bound(goal, baseline) for goal in constraints.goals))


def held_against(bound: Bound, estimate: Estimate) -> float | None:
    """The end of an estimate that has to meet the bound: of quality and of streams the worse one, for they are shown
    rather than measured; else the point estimate.
    """
    if bound.metric == QUALITY_LOSS:
        return estimate.high
    return estimate.low if bound.metric == "streams_held" else estimate.value


def _bound(goal: Goal, baseline: Evidence | None) -> Bound:
    default, reason = _default(goal, baseline)
    if default is None and goal.kind == THRESHOLD and goal.name == goal.metric:
        return Bound(str(goal), goal.metric, goal.value, goal)
    return Bound(str(goal), goal.metric, None if default is None else goal.limit(default), goal, default, reason)


def _default(goal: Goal, baseline: Evidence | None) -> tuple[float | None, str | None]:
    if baseline is None:
        return None, "the study has no fp32 default"
    if goal.metric == QUALITY_LOSS:
        rate = baseline.quality.default_error_rate if baseline.quality else None
        return rate, "the fp32 default has no score" if rate is None else None
    found = baseline.metrics[goal.metric]
    return found.value, None if found.value is not None else f"of the fp32 default: {found.reason}"
