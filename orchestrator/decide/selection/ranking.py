"""Who wins among the candidates that may: only beyond the noise, and of equals the simplest."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.decide.selection.compare import clearly_better, ratio, tied
from orchestrator.decide.selection.evidence import Evidence
from orchestrator.decide.selection.policy import Policy
from orchestrator.domain.candidate import PLAIN_PROVIDERS, Candidate
from orchestrator.domain.decision import as_cost


@dataclass(frozen=True)
class Choice:
    """``best`` in the objective of those that may win; ``winner`` where it is not that one is a tie and simpler."""

    winner: Evidence
    best: Evidence


def choose_winner(
    eligible: Sequence[Evidence], baseline: Evidence | None, metric: str, policy: Policy
) -> Choice | None:
    """The best of those that beat the default; the default where none does; None where nobody is eligible.

    Each rival is tested against the default at ``Policy.among``, so that among equal ones, however many, the default is
    left with a chance of 1 - alpha or more. A default that is not eligible protects nobody.
    """
    rivals = [e for e in eligible if baseline is None or e.key != baseline.key]
    if baseline is not None and len(rivals) < len(eligible):
        rivals = [r for r in rivals if beats(r, baseline, metric, len(rivals), policy)]
        if not rivals:
            return Choice(baseline, baseline)
    if not rivals:
        return None
    best = min(rivals, key=lambda e: objective_value(e, metric))
    equals = [r for r in rivals if r is best or tied(ratio(r, best, metric, policy.confidence), policy.indifference)]
    return Choice(min(equals, key=lambda e: simplicity(e, metric)), best)


def beats(rival: Evidence, baseline: Evidence, metric: str, rivals: int, policy: Policy) -> bool:
    return clearly_better(rival, baseline, metric, policy.indifference, policy.among(rivals))


def objective_value(evidence: Evidence, metric: str) -> float:
    """Lower is better; what is missing is worst."""
    value = evidence.value(metric)
    return float("inf") if value is None else as_cost(metric, value)


def simplicity(evidence: Evidence, metric: str) -> tuple[float, ...]:
    """Fewer departures from the plain default first, then the smaller artifact, fewer threads, the better figure."""
    threads, departs = evidence.candidate.threads, sum(_departures(evidence.candidate).values())
    return departs, objective_value(evidence, "size_mb"), threads, objective_value(evidence, metric)


def simpler_in(winner: Evidence, other: Evidence) -> str:
    """In words, why of two that are alike the first is taken."""
    mine, theirs = _departures(winner.candidate), _departures(other.candidate)
    words = [name for name in mine if mine[name] < theirs[name]]
    if not words and objective_value(winner, "size_mb") < objective_value(other, "size_mb"):
        words = ["a smaller artifact"]
    if not words and winner.candidate.threads < other.candidate.threads:
        words = ["fewer threads"]
    return ", ".join(words) or "the better figure"


def _departures(candidate: Candidate) -> dict[str, int]:
    """What is simpler without -> how far the candidate departs from the plain default in it."""
    return {
        "fp32": int(candidate.recipe.precision != "fp32"),
        "fewer options of the recipe": len(candidate.recipe.options),
        "the runtime's own provider": int(candidate.provider != PLAIN_PROVIDERS.get(candidate.runtime)),
        "one thread": int(candidate.threads != 1),
        "fewer session options": len(candidate.session_options),
        "no CPUs to hold it to": int(bool(candidate.affinity)),
    }
