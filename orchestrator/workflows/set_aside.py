"""Candidates that won a race and did not repeat when they were verified: no decision of the study takes them again."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from orchestrator.decide.selection.choose import decide
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.decision import CandidateVerdict, Decision
from orchestrator.domain.session import Session

_GATE = "verification"
# By the candidate's key.
Aside = Mapping[str, CandidateVerdict]


def verdict_of(candidate: Candidate, reason: str) -> CandidateVerdict:
    return CandidateVerdict(candidate, "rejected", reason, gate=_GATE)


def aside_in(decision: Decision | None) -> Aside:
    """Those that a decision of the study tells."""
    told = decision.candidates if decision else ()
    return {verdict.candidate.key: verdict for verdict in told if verdict.gate == _GATE}


def decide_without(aside: Aside, sessions: Sequence[Session], **asked: Any) -> Decision:
    """``asked``: as of ``decide``. Who is set aside stands in the decision with its reason."""
    found = decide(sessions=[s for s in sessions if s.planned.candidate.key not in aside], **asked)
    return replace(found, candidates=(*found.candidates, *aside.values()))
