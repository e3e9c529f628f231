"""Whose gates have closed by now, for a search that must not spend another session on them."""

from collections.abc import Iterable, Sequence

from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.evidence import baseline_of, gather
from orchestrator.decide.selection.gates import Rejection, Rules, rejection
from orchestrator.decide.selection.policy import Policy
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.score import Score
from orchestrator.domain.session import Session


def closed(
    sessions: Sequence[Session],
    artifacts: Iterable[Artifact],
    scores: Iterable[Score],
    constraints: Constraints,
    policy: Policy,
) -> dict[str, Rejection]:
    """Key -> the first gate that it did not pass, of those that its sessions so far can tell."""
    evidence = gather(sessions, artifacts, scores, policy)
    rules = Rules(constraints, policy, baseline_of(evidence))
    found = {e.key: rejection(e, rules) for e in evidence}
    return {key: rejected for key, rejected in found.items() if rejected is not None}
