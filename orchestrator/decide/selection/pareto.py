"""The Pareto front, where better means better beyond the noise."""

from collections.abc import Sequence

from orchestrator.decide.selection.compare import clearly_better
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.evidence import Evidence
from orchestrator.decide.selection.objective import Objective
from orchestrator.decide.selection.policy import Policy
from orchestrator.domain.decision import as_cost

# What a person trades against the objective.
TRADED = ("size_mb", "quality_loss", "peak_rss_mb")


def spans(objective: Objective, constraints: Constraints) -> tuple[str, ...]:
    """Metrics that the front is drawn in: the objective's, those with a limit, and what one trades against them."""
    return tuple(dict.fromkeys((*objective.metrics, *constraints.metrics, *TRADED)))


def known_to_all(metrics: Sequence[str], evidence: Sequence[Evidence]) -> tuple[str, ...]:
    return tuple(name for name in metrics if all(e.value(name) is not None for e in evidence))


def dominators(
    evidence: Sequence[Evidence], winner: Evidence | None, metrics: Sequence[str], policy: Policy
) -> dict[str, str | None]:
    """Key of each candidate -> key of a member of the front that dominates it, None for the front itself.

    A dominates B when A is clearly better in one of ``metrics`` that all candidates have, and B in none. "Clearly" is
    not transitive, so that cycles could arise: candidates are taken in order of the metrics, the winner first, and only
    members of the front dominate.
    """
    metrics = known_to_all(metrics, evidence)
    front: list[Evidence] = []
    found: dict[str, str | None] = {}
    for one in sorted(evidence, key=lambda e: (e is not winner, *(as_cost(m, e.value(m) or 0.0) for m in metrics))):
        above = next((f for f in front if _dominates(f, one, metrics, policy)), None)
        found[one.key] = above.key if above else None
        if above is None:
            front.append(one)
    return found


def better_in(a: Evidence, b: Evidence, metrics: Sequence[str], policy: Policy) -> list[str]:
    """Those of ``metrics`` in which ``a`` is clearly better than ``b``."""
    common = known_to_all(metrics, (a, b))
    return [m for m in common if clearly_better(a, b, m, policy.indifference, policy.confidence)]


def _dominates(a: Evidence, b: Evidence, metrics: Sequence[str], policy: Policy) -> bool:
    zone, confidence = policy.indifference, policy.confidence
    if any(clearly_better(b, a, m, zone, confidence) for m in metrics):
        return False
    return any(clearly_better(a, b, m, zone, confidence) for m in metrics)
