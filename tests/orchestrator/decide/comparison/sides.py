"""Two sides to compare, of synthetic sessions whose true levels are known."""

from dataclasses import replace
from typing import Any

from orchestrator.decide.comparison.runs import Side
from orchestrator.domain.session import Session
from tests import sessions

FAST = "onnx:int8-dynamic"


def side(
    name: str = "A",
    recipe: str = "onnx:fp32",
    *,
    blocks: int = 6,
    study: str = "study-1",
    audio: str = "eval",
    **changes: Any,
) -> Side:
    of = sessions.candidate(recipe)
    made = tuple(in_study(sessions.session(of, block=b, **changes), study) for b in range(blocks))
    return Side(name, of, sessions.artifact(recipe), made, {"audio": audio})


def in_study(session: Session, study: str) -> Session:
    planned = replace(session.planned, study_id=study)
    return replace(session, planned=planned, result=replace(session.result, session_id=planned.session_id))
