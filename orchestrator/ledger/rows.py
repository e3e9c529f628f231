"""Nouns <-> rows. A noun is kept whole, as JSON; the columns beside it are for finding it."""

import hashlib
import json
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from numpy.typing import NDArray
from sqlalchemy import Row

from agents import wire
from agents.strict_json import MalformedJson, from_json, to_json
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.decision import Decision
from orchestrator.domain.kept import Kept
from orchestrator.domain.score import ItemScore, Score
from orchestrator.domain.session import Environment, PlannedSession, Session
from orchestrator.domain.study import Study
from orchestrator.errors import BadRecipe, LedgerError
from orchestrator.ledger import arrays

Values = dict[str, Any]
AnyRow = Row[Any]
T = TypeVar("T")


def load(cls: type[T], record: Any, where: str) -> T:
    """The noun of a JSON column. Raises LedgerError for one that this version cannot read."""
    try:
        return from_json(cls, record, where)
    except (MalformedJson, BadRecipe) as exc:
        raise LedgerError(
            f"cannot read {where} of the ledger: {exc}", hint="it was written by another version of Earshot"
        ) from exc


def study_values(study: Study) -> Values:
    return {
        "study_id": study.study_id,
        "model": study.model,
        "device": study.device,
        "started_utc": study.started_utc,
        "status": study.status,
        "settings_sha256": study.settings_sha256,
        "settings": to_json(study.settings),
    }


def study_of(row: AnyRow) -> Study:
    return Study(row.study_id, row.model, row.device, row.started_utc, row.settings, row.status)


def artifact_values(artifact: Artifact, folder: Path) -> Values:
    path = kept_path(artifact.path, folder)
    return {
        "sha256": artifact.sha256,
        "model": artifact.model,
        "recipe": str(artifact.recipe),
        "size_bytes": artifact.size_bytes,
        "path": path,
        "record": {**to_json(artifact), "path": path, "parts": _kept_parts(artifact, folder)},
    }


def artifact_of(row: AnyRow, folder: Path) -> Artifact:
    parts = {name: {**part, "path": folder / part["path"]} for name, part in row.record.get("parts", {}).items()}
    return load(Artifact, {**row.record, "path": folder / row.path, "parts": parts}, f"artifact {row.sha256[:12]}")


def _kept_parts(artifact: Artifact, folder: Path) -> dict[str, Any]:
    return {name: {**to_json(part), "path": kept_path(part.path, folder)} for name, part in artifact.parts.items()}


def kept_path(path: Path, folder: Path) -> str:
    """Relative to the ledger's folder where it lies below it, so that the folder can be moved as a whole."""
    absolute = path.resolve()
    return (absolute.relative_to(folder) if absolute.is_relative_to(folder) else absolute).as_posix()


def environment_values(environment: Environment) -> Values:
    record = to_json(environment)
    return {
        "sha256": hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest(),
        "device": environment.device,
        "device_model": environment.device_model,
        "record": record,
    }


def session_values(session: Session, environment_sha256: str) -> Values:
    planned, candidate = session.planned, session.planned.candidate
    return {
        "session_id": session.session_id,
        "study_id": planned.study_id,
        "artifact_sha256": candidate.artifact_sha256,
        "environment_sha256": environment_sha256,
        "device": planned.device,
        "device_model": session.environment.device_model,
        "model": candidate.model,
        "candidate_key": candidate.key,
        "recipe": str(candidate.recipe),
        "runtime": candidate.runtime,
        "provider": candidate.provider,
        "threads": candidate.threads,
        "chunk_samples": candidate.chunk_samples,
        "mode": planned.mode,
        "block": planned.block,
        "position": planned.position,
        "attempt": planned.attempt,
        "chunk_count": session.result.chunk_count,
        "outcome": session.result.outcome,
        "failure": session.result.failure,
        "started_utc": session.started_utc,
        "duration_s": session.duration_s,
        "planned": to_json(planned),
        "result": to_json(session.result),
    }


def session_of(row: AnyRow, environment: Environment, found: Mapping[str, Any], kept: AnyRow | None = None) -> Session:
    """``kept``: of one whose arrays made way."""
    where = f"session {row.session_id}"
    return Session(
        planned=load(PlannedSession, row.planned, where),
        environment=environment,
        started_utc=row.started_utc,
        duration_s=row.duration_s,
        result=load(wire.RunResult, row.result, where),
        arrays=dict(found),
        kept=None if kept is None else load(Kept, kept.record, where),
    )


def array_values(session: Session) -> list[Values]:
    """One row per array. Raises LedgerError for an array that is not of numbers."""
    rows = []
    for name, array in session.arrays.items():
        try:
            stored = arrays.encode(array)
        except ValueError as exc:
            raise LedgerError(f"cannot record array {name} of session {session.session_id}: {exc}") from exc
        rows.append({"session_id": session.session_id, "name": name, **vars(stored), "shape": list(stored.shape)})
    return rows


def array_of(row: AnyRow, read: Callable[[arrays.StoredArray], NDArray[Any]] = arrays.decode) -> NDArray[Any]:
    """The array of a row, or what ``read`` takes from it. Raises LedgerError for a damaged one."""
    try:
        return read(arrays.StoredArray(row.dtype, tuple(row.shape), row.codec, row.blob))
    except ValueError as exc:
        raise LedgerError(f"cannot read array {row.name} of session {row.session_id} in the ledger: {exc}") from exc


def score_values(score: Score) -> Values:
    items = json.dumps([[i.item, i.errors, i.count] for i in score.items], allow_nan=False)
    return {
        "session_id": score.session_id,
        "metric": score.metric,
        "candidate_key": score.candidate_key,
        "value": score.value,
        "evaluation_sha256": score.evaluation_sha256,
        "details": to_json(score.details),
        "items": zlib.compress(items.encode()),
    }


def score_of(row: AnyRow) -> Score:
    items = tuple(ItemScore(*item) for item in json.loads(zlib.decompress(row.items)))
    return Score(
        row.session_id, row.candidate_key, row.metric, row.value, row.evaluation_sha256, items, dict(row.details)
    )


def decision_values(decision: Decision) -> Values:
    return {
        "study_id": decision.study_id,
        "model": decision.model,
        "device_model": decision.device_model,
        "verdict": decision.verdict,
        "winner": decision.winner,
        "record": to_json(decision),
    }


def decision_of(row: AnyRow) -> Decision:
    return load(Decision, row.record, f"decision of study {row.study_id}")
