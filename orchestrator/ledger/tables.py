"""The tables: columns to find things by, and beside them the whole noun as JSON (``agents.strict_json``)."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Float, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# The form of these tables. A ledger with a higher number was written by a newer Earshot and is left alone.
SCHEMA = 1


class Table(DeclarativeBase):
    type_annotation_map = {dict[str, Any]: JSON, str: String, int: BigInteger, float: Float, bytes: LargeBinary}  # noqa: RUF012


class SchemaRow(Table):
    """One row, id 1."""

    __tablename__ = "ledger_schema"

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int]


class StudyRow(Table):
    __tablename__ = "studies"
    __table_args__ = (Index("studies_by_settings", "settings_sha256", "status"), Index("studies_by_model", "model"))

    study_id: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str]
    device: Mapped[str]
    started_utc: Mapped[str]
    status: Mapped[str]
    settings_sha256: Mapped[str]
    settings: Mapped[dict[str, Any]]


class ArtifactRow(Table):
    """``path`` is relative to the ledger's folder where the file lies below it, else absolute."""

    __tablename__ = "artifacts"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(index=True)
    recipe: Mapped[str]
    size_bytes: Mapped[int]
    path: Mapped[str]
    record: Mapped[dict[str, Any]]


class RefusalRow(Table):
    """A recipe that could not be exported, and the reason."""

    __tablename__ = "refusals"

    study_id: Mapped[str] = mapped_column(ForeignKey("studies.study_id"), primary_key=True)
    recipe: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]


class EnvironmentRow(Table):
    """``sha256`` is that of the canonical JSON of ``record``: sessions in the same environment share a row."""

    __tablename__ = "environments"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    device: Mapped[str] = mapped_column(index=True)
    device_model: Mapped[str]
    record: Mapped[dict[str, Any]]


class SessionRow(Table):
    __tablename__ = "sessions"
    __table_args__ = (
        Index("sessions_by_study", "study_id", "mode", "candidate_key"),
        Index("sessions_by_device", "device", "started_utc"),
        Index("sessions_by_kind", "device_model", "model", "started_utc"),
    )

    session_id: Mapped[str] = mapped_column(primary_key=True)
    study_id: Mapped[str] = mapped_column(ForeignKey("studies.study_id"))
    artifact_sha256: Mapped[str] = mapped_column(ForeignKey("artifacts.sha256"), index=True)
    environment_sha256: Mapped[str] = mapped_column(ForeignKey("environments.sha256"))
    device: Mapped[str]
    device_model: Mapped[str]
    model: Mapped[str]
    candidate_key: Mapped[str]
    recipe: Mapped[str]
    runtime: Mapped[str]
    provider: Mapped[str]
    threads: Mapped[int]
    chunk_samples: Mapped[int]
    mode: Mapped[str]
    block: Mapped[int]
    position: Mapped[int]
    attempt: Mapped[int]
    chunk_count: Mapped[int]
    outcome: Mapped[str]
    failure: Mapped[str | None]
    started_utc: Mapped[str]
    duration_s: Mapped[float]
    planned: Mapped[dict[str, Any]]
    result: Mapped[dict[str, Any]]


class ArrayRow(Table):
    """One raw array of a session; ``orchestrator.ledger.arrays`` says what ``codec`` means."""

    __tablename__ = "session_arrays"

    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.session_id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    dtype: Mapped[str]
    shape: Mapped[list[int]] = mapped_column(JSON)
    codec: Mapped[str]
    blob: Mapped[bytes]


class ScoreRow(Table):
    """``items`` is zlib over the JSON list of [item, errors, count]."""

    __tablename__ = "scores"

    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.session_id"), primary_key=True)
    metric: Mapped[str] = mapped_column(primary_key=True)
    candidate_key: Mapped[str]
    value: Mapped[float]
    evaluation_sha256: Mapped[str]
    details: Mapped[dict[str, Any]]
    items: Mapped[bytes]


class DecisionRow(Table):
    __tablename__ = "decisions"

    study_id: Mapped[str] = mapped_column(ForeignKey("studies.study_id"), primary_key=True)
    model: Mapped[str] = mapped_column(index=True)
    device_model: Mapped[str]
    verdict: Mapped[str]
    winner: Mapped[str | None]
    record: Mapped[dict[str, Any]]
