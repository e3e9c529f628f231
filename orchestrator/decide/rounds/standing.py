"""Where each recipe stands by now: may it win, does it hear too badly, or was it never an artifact."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.decide.selection.compare import ratio
from orchestrator.decide.selection.evidence import Evidence
from orchestrator.decide.selection.gates import QUALITY
from orchestrator.domain.candidate import PLAIN_OF_FORMAT
from orchestrator.domain.decision import METRIC_OF, CandidateVerdict, Decision, Estimate
from orchestrator.domain.recipe import Recipe
from orchestrator.statistics.interval import Interval

# passed: may win. wrong: its quality alone keeps it from winning. unequal: it did not come near enough to its source to
# be tried. short: it hears well, and misses a limit of time, memory or size. other: anything else.
PASSED, WRONG, UNEQUAL, SHORT, OTHER = "passed", "wrong", "unequal", "short", "other"
_ORDER = (PASSED, SHORT, WRONG, OTHER, UNEQUAL)
# What every candidate has that ran at all.
SERVICE = "service_p50_ms"
_CONFIDENCE = 0.95


@dataclass(frozen=True, eq=False)
class Standing:
    """``speed``: fp32 default / it, of ``metric``. ``evidence``, ``verdict``: of the recipe's best candidate; None
    where it has none."""

    recipe: Recipe
    state: str
    reason: str
    speed: Estimate
    metric: str | None = None
    verdict: CandidateVerdict | None = None
    evidence: Evidence | None = None


def standings(
    decision: Decision, evidence: Iterable[Evidence], refusals: Iterable[tuple[Recipe, str, bool]]
) -> list[Standing]:
    """One for each recipe. ``refusals``: recipe, reason, and whether it was that it did not equal its source."""
    known = {e.key: e for e in evidence}
    baseline = known.get(decision.baseline or "")
    found: dict[Recipe, Standing] = {}
    for verdict in decision.candidates:
        standing = _standing(verdict, known.get(verdict.candidate.key), baseline, decision.objective)
        before = found.get(standing.recipe)
        if before is None or _rank(standing) < _rank(before):
            found[standing.recipe] = standing
    never = Estimate(None, reason="it was never an artifact that could run")
    for recipe, reason, unequal in refusals:
        if recipe.format in PLAIN_OF_FORMAT:
            found.setdefault(recipe, Standing(recipe, UNEQUAL if unequal else OTHER, reason, never))
    return list(found.values())


def best_of(found: Sequence[Standing], decision: Decision) -> Standing | None:
    """The one that wins by now: the winner of the decision, the fp32 default where that is it."""
    return next((s for s in found if s.verdict and s.verdict.candidate.key == decision.winner), None)


def compared(above: Evidence | None, below: Evidence | None, objective: str) -> tuple[Estimate, str | None]:
    """``above`` / ``below`` of the objective where both have it, else of the service time; and of which."""
    if above is None or below is None:
        return Estimate(None, reason="there is nothing to compare with"), None
    metric = next((m for m in (objective, SERVICE) if _has(above, m) and _has(below, m)), None)
    if metric is None:
        return Estimate(None, reason="not both of them were timed"), None
    return as_estimate(ratio(above, below, metric, _CONFIDENCE)), metric


def as_estimate(found: Interval) -> Estimate:
    return Estimate(found.value, found.low, found.high, found.n, "runs", found.reason)


def _has(evidence: Evidence, metric: str) -> bool:
    estimate = evidence.metrics.get(metric)
    return estimate is not None and estimate.value is not None


def _standing(
    verdict: CandidateVerdict, evidence: Evidence | None, baseline: Evidence | None, objective: str
) -> Standing:
    speed, metric = compared(baseline, evidence, objective)
    return Standing(verdict.candidate.recipe, _state(verdict), verdict.reason, speed, metric, verdict, evidence)


def _state(verdict: CandidateVerdict) -> str:
    if verdict.status != "rejected":
        # What screening left behind was never asked for its quality.
        return OTHER if verdict.gate == "screening" else PASSED
    if verdict.gate in ("quality", QUALITY):
        return WRONG
    return SHORT if verdict.gate in METRIC_OF else OTHER


def _rank(standing: Standing) -> tuple[int, float]:
    return _ORDER.index(standing.state), -(standing.speed.value or 0.0)
