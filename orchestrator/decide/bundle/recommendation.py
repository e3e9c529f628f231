"""``recommendation.json``: what won, by how much, on what evidence, and where its bytes come from."""

from collections.abc import Sequence
from typing import Any

from agents.strict_json import to_json
from orchestrator.decide.bundle.making import making
from orchestrator.decide.bundle.support import SCHEMA, Shipped, configuration, shipped_files
from orchestrator.domain.artifact import GRAPH
from orchestrator.domain.decision import CandidateVerdict, Decision
from orchestrator.domain.session import Session


def recommendation(decision: Decision, shipped: Shipped, sessions: Sequence[Session]) -> dict[str, Any]:
    """``shipped``: the winner's files; ``sessions``: those of the study, at least one."""
    winner = decision.of(shipped.candidate.key)
    own = [s for s in sessions if s.planned.candidate.key == winner.candidate.key and s.ok]
    files = shipped_files(shipped)
    artifact = shipped.artifact
    return {
        "schema": SCHEMA,
        "sentence": decision.sentence,
        "verdict": decision.verdict,
        "file": files["files"][GRAPH],
        # A transducer's second graph, its words.
        "parts": {part: file for part, file in files["files"].items() if part != GRAPH},
        "configuration": {**configuration(winner.candidate, sessions), **files},
        "metrics": to_json(winner.metrics),
        "gain_over_default": to_json(decision.gain),
        "quality_cost": to_json(decision.quality_cost),
        "objective": decision.objective,
        "weights": decision.weights,
        "constraints": decision.constraints,
        "goals": to_json(decision.goals),
        "cold_and_hot": to_json(decision.cold_and_hot),
        "verification": to_json(decision.verification) if decision.verification else None,
        "pareto_front": [_line(v) for v in decision.candidates if v.status in ("winner", "front")],
        "not_chosen": [_line(v) for v in decision.candidates if v.status != "winner"],
        "provenance": {**to_json(artifact.provenance), "bundled_by": making()},
        "parity": to_json(artifact.parity) if artifact.parity else None,
        "evidence": {
            "study": decision.study_id,
            "sessions": [s.session_id for s in sessions if s.planned.candidate.key == decision.winner],
            "verification_sessions": list(decision.verification.session_ids) if decision.verification else [],
            "intervals": {name: [e.low, e.high] for name, e in winner.metrics.items() if e.value is not None},
        },
        "environment": to_json((own or list(sessions))[-1].environment),
    }


def _line(verdict: CandidateVerdict) -> dict[str, Any]:
    return {**configuration(verdict.candidate), "status": verdict.status, "reason": verdict.reason}
