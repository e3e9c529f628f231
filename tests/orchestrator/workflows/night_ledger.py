"""A ledger of synthetic nights: a study a night, its artifact exported from a commit of that night."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from orchestrator.domain.artifact import Artifact
from orchestrator.domain.study import Study
from orchestrator.ledger.ledger import Ledger
from tests import sessions

FIRST = date(2026, 3, 1)
RUNS = 4


def at(night: int) -> str:
    return (FIRST + timedelta(days=night)).isoformat()


def artifact_of(commit: str, size_bytes: int = 800_000) -> Artifact:
    made = sessions.artifact(size_bytes=size_bytes)
    digest = hashlib.sha256(commit.encode()).hexdigest()
    return replace(made, sha256=digest, provenance=replace(made.provenance, source_sha256=digest))


def add_night(
    ledger: Ledger,
    night: int,
    service_ms: Sequence[float],
    commits: Sequence[str],
    *,
    model: str = "synthetic",
    workflow: str = "nightly",
    wrong: Sequence[int] | None = None,
    size_bytes: int = 800_000,
) -> None:
    """``service_ms`` of each commit's artifact, in blocks in which all of them ran, in the evening of that night."""
    began = datetime.combine(FIRST, datetime.min.time(), UTC) + timedelta(days=night, hours=22)
    study = Study(f"{workflow}-{model}-{night}", model, "bench", began.isoformat(), {"workflow": workflow})
    ledger.begin_study(study)
    for number, (commit, level) in enumerate(zip(commits, service_ms, strict=True)):
        artifact = replace(artifact_of(commit, size_bytes), model=model)
        ledger.record_artifact(artifact)
        candidate = replace(sessions.candidate(), artifact_sha256=artifact.sha256, model=model)
        for block in range(RUNS):
            made = sessions.session(
                candidate, "flat-out", block, service_ms=level, chunks=100, seed=1000 * night + number
            )
            planned = replace(made.planned, study_id=study.study_id)
            result = replace(made.result, session_id=planned.session_id, runtime_version="1.31.1")
            ledger.record_session(replace(made, planned=planned, result=result, started_utc=began.isoformat()))
        if wrong is not None:
            evaluated = sessions.session(candidate, "evaluate", 0)
            planned = replace(evaluated.planned, study_id=study.study_id)
            result = replace(evaluated.result, session_id=planned.session_id)
            ledger.record_session(replace(evaluated, planned=planned, result=result, started_utc=began.isoformat()))
            ledger.record_score(replace(sessions.score(candidate, wrong, 200), session_id=planned.session_id))


def make_ledger(results: Path, levels: Sequence[float], commits: Sequence[str], model: str = "synthetic") -> None:
    """A night for each level."""
    results.mkdir(parents=True, exist_ok=True)
    with Ledger.open(results / "ledger.db") as ledger:
        for night, (level, commit) in enumerate(zip(levels, commits, strict=True)):
            add_night(ledger, night, [level], [commit], model=model)
