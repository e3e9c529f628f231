"""The Pareto front, where better means better beyond the noise."""

from collections.abc import Sequence

from orchestrator.decide.selection.compare import clearly_less
from orchestrator.decide.selection.evidence import Evidence
from orchestrator.decide.selection.policy import Policy

# What a person trades against the objective.
TRADED = ("size_mb", "quality_loss", "peak_rss_mb")


def compared_metrics(objective: str, evidence: Sequence[Evidence]) -> tuple[str, ...]:
    """The objective and the traded metrics, as far as every candidate has them."""
    names = (objective, *(name for name in TRADED if name != objective))
    return tuple(name for name in names if all(e.value(name) is not None for e in evidence))


def dominators(
    evidence: Sequence[Evidence], winner: Evidence | None, objective: str, policy: Policy
) -> dict[str, str | None]:
    """Key of each candidate -> key of a member of the front that dominates it, None for the front itself.

    A dominates B when A is clearly less in one metric and B in none. "Clearly" is not transitive, so that cycles could
    arise: candidates are taken in order of the objective, the winner first, and only members of the front dominate.
    """
    metrics = compared_metrics(objective, evidence)
    front: list[Evidence] = []
    found: dict[str, str | None] = {}
    for one in sorted(evidence, key=lambda e: (e is not winner, *(e.value(m) or 0.0 for m in metrics))):
        above = next((f for f in front if _dominates(f, one, metrics, policy)), None)
        found[one.key] = above.key if above else None
        if above is None:
            front.append(one)
    return found


def better_in(a: Evidence, b: Evidence, objective: str, policy: Policy) -> list[str]:
    """Metrics in which ``a`` is clearly less than ``b``."""
    metrics = compared_metrics(objective, (a, b))
    return [m for m in metrics if clearly_less(a, b, m, policy.indifference, policy.confidence)]


def _dominates(a: Evidence, b: Evidence, metrics: Sequence[str], policy: Policy) -> bool:
    zone, confidence = policy.indifference, policy.confidence
    if any(clearly_less(b, a, m, zone, confidence) for m in metrics):
        return False
    return any(clearly_less(a, b, m, zone, confidence) for m in metrics)
