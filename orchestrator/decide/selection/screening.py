"""From screening to the race: which candidates are worth paced sessions."""

from collections.abc import Iterable, Sequence

from orchestrator.decide.selection.compare import ratio, tied
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.elsewhere import Elsewhere
from orchestrator.decide.selection.evidence import Evidence, baseline_of, gather
from orchestrator.decide.selection.gates import Rules, failed_session, parity, placement, rejection
from orchestrator.decide.selection.objective import Objective
from orchestrator.decide.selection.policy import Policy
from orchestrator.decide.selection.profile import with_score
from orchestrator.decide.selection.ranking import objective_value
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.decision import SCORE
from orchestrator.domain.score import Score
from orchestrator.domain.session import Session
from orchestrator.domain.study import Study

# What a flat-out session says about an objective, the first that is there.
PROXIES = {
    "latency_p50_ms": ("service_p50_ms",),
    "energy_mj_per_audio_s": ("energy_mj_per_audio_s", "service_p50_ms"),
    "peak_rss_mb": ("peak_rss_mb",),
    "size_mb": ("size_mb",),
}

_POLICY = Policy()


def stand_in(objective: Objective, evidence: Sequence[Evidence], policy: Policy) -> tuple[str, list[Evidence]] | None:
    """The metric that stands in for the objective before the race, and the evidence with it; None where the evidence
    lacks it.
    """
    found: dict[str, float] = {}
    for metric, share in objective.weights.items():
        known = (m for m in PROXIES.get(metric, (metric,)) if all(e.value(m) is not None for e in evidence))
        proxy = next(known, None)
        if proxy is None:
            return None
        found[proxy] = found.get(proxy, 0.0) + share
    if len(found) == 1:
        return next(iter(found)), list(evidence)
    return SCORE, [with_score(e, found, policy.confidence) for e in evidence]


def finalists(
    study: Study,
    sessions: Sequence[Session],
    artifacts: Iterable[Artifact],
    scores: Iterable[Score],
    *,
    objective: Objective,
    constraints: Constraints,
    count: int,
    policy: Policy = _POLICY,
    elsewhere: Elsewhere | None = None,
) -> list[str]:
    """Keys of the candidates to race: the default, always and first, then up to ``count`` others, the best first.

    The others have passed every gate that needs no paced session; of those within the indifference zone of each other
    the smaller artifact goes first.
    """
    evidence = gather(sessions, artifacts, scores, policy, elsewhere)
    baseline = baseline_of(evidence)
    rules = Rules(constraints, policy, baseline)
    able = [e for e in evidence if e is not baseline and rejection(e, rules) is None]
    default = [] if baseline is None else [baseline.key]
    return default + [e.key for e in _ordered(able, objective, policy)[:count]]


def misplaced(
    study: Study,
    sessions: Sequence[Session],
    artifacts: Iterable[Artifact],
    scores: Iterable[Score],
    *,
    objective: Objective,
    constraints: Constraints,
    policy: Policy = _POLICY,
    elsewhere: Elsewhere | None = None,
) -> set[str]:
    """Keys of the candidates that cannot win whatever they would be timed at: their placement session failed, fell
    back, computed something else, or its provider was emulated on a device that is not. Never the default.
    """
    evidence = gather(sessions, artifacts, scores, policy, elsewhere)
    baseline = baseline_of(evidence)
    rules = Rules(constraints, policy, baseline)
    gates = (failed_session, placement, parity)
    return {
        e.key
        for e in evidence
        if e is not baseline and (_simulated(e) or any(gate(e, rules) is not None for gate in gates))
    }


def _simulated(evidence: Evidence) -> bool:
    return any(s.result.emulated is not None and s.environment.emulated is None for s in evidence.sessions)


def _ordered(evidence: Sequence[Evidence], objective: Objective, policy: Policy) -> list[Evidence]:
    able = [e for e in evidence if stand_in(objective, (e,), policy) is not None]
    found = stand_in(objective, able, policy)
    if found is None:
        return []
    metric, left = found
    ordered: list[Evidence] = []
    while left:
        best = min(left, key=lambda e: objective_value(e, metric))
        equals = [e for e in left if e is best or tied(ratio(e, best, metric, policy.confidence), policy.indifference)]
        first = min(equals, key=lambda e: (objective_value(e, "size_mb"), objective_value(e, metric)))
        ordered.append(first)
        left.remove(first)
    return ordered
