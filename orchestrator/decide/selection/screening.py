"""Before the race: what flat-out sessions say of the objective, and who can win no race."""

from collections.abc import Iterable, Sequence

from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.elsewhere import Elsewhere
from orchestrator.decide.selection.evidence import Evidence, baseline_of, gather
from orchestrator.decide.selection.gates import Rules, failed_session, parity, placement
from orchestrator.decide.selection.objective import Objective
from orchestrator.decide.selection.policy import Policy
from orchestrator.decide.selection.profile import with_score
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.decision import SCORE
from orchestrator.domain.score import Score
from orchestrator.domain.session import Session
from orchestrator.domain.study import Study

# What a flat-out session says about an objective, the first that is there; of others it says the figure itself.
PROXIES = {
    "latency_p50_ms": ("service_p50_ms",),
    "latency_p99_ms": ("service_p99_ms", "service_p50_ms"),
    "energy_mj_per_audio_s": ("energy_mj_per_audio_s", "service_p50_ms"),
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
