"""Who wins among the candidates that may: only beyond the noise, and of equals the simplest."""

from collections.abc import Sequence

from orchestrator.decide.selection.compare import clearly_better, ratio, tied
from orchestrator.decide.selection.evidence import Evidence
from orchestrator.decide.selection.policy import Policy
from orchestrator.domain.candidate import PLAIN_PROVIDERS
from orchestrator.domain.decision import as_cost


def choose_winner(
    eligible: Sequence[Evidence], baseline: Evidence | None, metric: str, policy: Policy
) -> Evidence | None:
    """The best of those that beat the default; the default where none does; None where nobody is eligible.

    Each rival is tested against the default at 1 - 2 alpha / rivals, so that among equal ones, however many, the
    default is left with a chance of 1 - alpha or more (Bonferroni). A default that is not eligible protects nobody.
    """
    rivals = [e for e in eligible if baseline is None or e.key != baseline.key]
    if baseline is not None and len(rivals) < len(eligible):
        rivals = [r for r in rivals if beats(r, baseline, metric, len(rivals), policy)]
        if not rivals:
            return baseline
    if not rivals:
        return None
    best = min(rivals, key=lambda e: objective_value(e, metric))
    equals = [r for r in rivals if r is best or tied(ratio(r, best, metric, policy.confidence), policy.indifference)]
    return min(equals, key=lambda e: simplicity(e, metric))


def beats(rival: Evidence, baseline: Evidence, metric: str, rivals: int, policy: Policy) -> bool:
    level = max(policy.confidence, 1.0 - 2.0 * (1.0 - policy.confidence) / max(1, rivals))
    return clearly_better(rival, baseline, metric, policy.indifference, level)


def objective_value(evidence: Evidence, metric: str) -> float:
    """Lower is better; what is missing is worst."""
    value = evidence.value(metric)
    return float("inf") if value is None else as_cost(metric, value)


def simplicity(evidence: Evidence, metric: str) -> tuple[float, ...]:
    """Fewer departures from the plain default first, then the smaller artifact, fewer threads, the better figure."""
    candidate = evidence.candidate
    departures = (
        (candidate.recipe.precision != "fp32")
        + len(candidate.recipe.options)
        + (candidate.provider != PLAIN_PROVIDERS.get(candidate.runtime))
        + (candidate.threads != 1)
        + len(candidate.session_options)
        + bool(candidate.affinity)
    )
    return departures, objective_value(evidence, "size_mb"), candidate.threads, objective_value(evidence, metric)
