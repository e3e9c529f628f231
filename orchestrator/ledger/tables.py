"""The tables: columns to find things by, and beside them the whole noun as JSON (``agents.strict_json``)."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Float, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# The form of these tables. A ledger with a higher number was written by a newer Earshot and is left alone; one with a
# lower number lacks tables, which it gets when it is opened: no column of an old table ever changes.
SCHEMA = 7


# Names sort byte by byte in every database, whatever its locale.
_TEXT = String().with_variant(String(collation="C"), "postgresql")


class Table(DeclarativeBase):
    type_annotation_map = {dict[str, Any]: JSON, str: _TEXT, int: BigInteger, float: Float, bytes: LargeBinary}  # noqa: RUF012


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


class CompactedRow(Table):
    """What stayed of a session whose raw arrays made way (``ledger/retention.py``). Since schema 7.

    ``record``: its figures (``domain.kept``); ``histograms``: of its times (``ledger.kept_times``).
    """

    __tablename__ = "compacted_sessions"

    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.session_id"), primary_key=True)
    compacted_utc: Mapped[str]
    freed_bytes: Mapped[int]
    record: Mapped[dict[str, Any]]
    histograms: Mapped[bytes]


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


class LeaseRow(Table):
    """The newest lease of a device; since schema 2. ``heard_...``: a ``agents.uptime.Moment`` of the holder's machine.

    ``on_device``: ids of this ledger's leases, with spaces between them, one of which the device may still know of.
    """

    __tablename__ = "leases"

    device: Mapped[str] = mapped_column(primary_key=True)
    lease_id: Mapped[str]
    token: Mapped[int]
    holder: Mapped[str]
    process: Mapped[str | None]
    purpose: Mapped[str]
    acquired_utc: Mapped[str]
    heard_boot_id: Mapped[str]
    heard_uptime_s: Mapped[float]
    heard_utc_s: Mapped[float]
    ttl_s: Mapped[float]
    released: Mapped[int]
    on_device: Mapped[str | None]


class NativeRow(Table):
    """A closed-loop run of a native tool, apart from the sessions that are ranked; since schema 2."""

    __tablename__ = "native_sessions"

    session_id: Mapped[str] = mapped_column(primary_key=True)
    device: Mapped[str] = mapped_column(index=True)
    device_model: Mapped[str]
    tool: Mapped[str]
    model: Mapped[str]
    model_sha256: Mapped[str]
    mode: Mapped[str]
    started_utc: Mapped[str]
    record: Mapped[dict[str, Any]]


class HealthRow(Table):
    """How a device has been lately; since schema 2. ``failures`` in a row; ``quarantined_utc`` None: it is not."""

    __tablename__ = "device_health"

    device: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    quarantined_utc: Mapped[str | None]
    reason: Mapped[str | None]


class HealthEventRow(Table):
    """What happened to a device: failures, quarantines, power cycles with what the hook said; since schema 2."""

    __tablename__ = "health_events"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    device: Mapped[str] = mapped_column(index=True)
    at_utc: Mapped[str]
    kind: Mapped[str]
    detail: Mapped[str]


class CalibrationRow(Table):
    """A device's noise floor, found by A/A runs; since schema 3."""

    __tablename__ = "calibrations"

    calibration_id: Mapped[str] = mapped_column(primary_key=True)
    device: Mapped[str] = mapped_column(index=True)
    model: Mapped[str]
    mode: Mapped[str]
    at_utc: Mapped[str]
    record: Mapped[dict[str, Any]]


class PowerCalibrationRow(Table):
    """A device's power sensor against a better meter; since schema 3."""

    __tablename__ = "power_calibrations"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    device: Mapped[str] = mapped_column(index=True)
    sensor: Mapped[str]
    at_utc: Mapped[str]
    record: Mapped[dict[str, Any]]


class StreamsHeldRow(Table):
    """How many concurrent streams a device holds, found by the sessions of the study; since schema 4."""

    __tablename__ = "streams_held"

    study_id: Mapped[str] = mapped_column(ForeignKey("studies.study_id"), primary_key=True)
    device: Mapped[str] = mapped_column(index=True)
    model: Mapped[str]
    candidate_key: Mapped[str]
    at_utc: Mapped[str]
    record: Mapped[dict[str, Any]]


class OnOffRow(Table):
    """Whether observing changes what is observed on a device; since schema 4."""

    __tablename__ = "observer_on_off"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    device: Mapped[str] = mapped_column(index=True)
    at_utc: Mapped[str]
    record: Mapped[dict[str, Any]]


class DriftRow(Table):
    """How far an artifact's states wander from fp32; its raw series are a file beside the ledger. Since schema 5."""

    __tablename__ = "drifts"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    artifact_sha256: Mapped[str] = mapped_column(index=True)
    model: Mapped[str]
    at_utc: Mapped[str]
    record: Mapped[dict[str, Any]]


class NightRow(Table):
    """A night of a plan (`earshot nightly`): what was expected, what came, what is missing. Since schema 6."""

    __tablename__ = "nights"

    plan: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[str] = mapped_column(primary_key=True)
    started_utc: Mapped[str]
    finished_utc: Mapped[str | None]
    record: Mapped[dict[str, Any]]


class RoundsRow(Table):
    """What a study's inner loop tried, round by round. Since schema 6."""

    __tablename__ = "rounds"

    study_id: Mapped[str] = mapped_column(ForeignKey("studies.study_id"), primary_key=True)
    record: Mapped[dict[str, Any]]


class OutboxRow(Table):
    """What is told of one thing that happened, with its time; never changed once a server may have it. Since schema 6.

    ``key``: what it is of, so that nothing is told twice. ``place``: its series; no two of a place share a time.
    """

    __tablename__ = "outbox"
    __table_args__ = (Index("outbox_places", "place", "at_ms", unique=True), Index("outbox_times", "at_ms"))

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    key: Mapped[str] = mapped_column(unique=True)
    place: Mapped[str]
    at_ms: Mapped[int]
    samples: Mapped[int]
    record: Mapped[dict[str, Any]]


class OutboxTargetRow(Table):
    """How far one server has been told: all up to the number ``delivered``. Since schema 6.

    ``failing_since_utc`` and ``failure`` None: the last attempt went well.
    """

    __tablename__ = "outbox_targets"

    url: Mapped[str] = mapped_column(primary_key=True)
    delivered: Mapped[int]
    sent_samples: Mapped[int]
    succeeded_utc: Mapped[str | None]
    failing_since_utc: Mapped[str | None]
    failure: Mapped[str | None]


class OutboxRefusedRow(Table):
    """Samples of one entry that a server will never take; since schema 6."""

    __tablename__ = "outbox_refused"

    url: Mapped[str] = mapped_column(ForeignKey("outbox_targets.url"), primary_key=True)
    number: Mapped[int] = mapped_column(ForeignKey("outbox.number"), primary_key=True)
    reason: Mapped[str]
    detail: Mapped[str]
    samples: Mapped[int]


class SearchStepRow(Table):
    """A step of a search that remembers (Optuna's): asked, told, given up. Since schema 6."""

    __tablename__ = "search_steps"

    study_id: Mapped[str] = mapped_column(ForeignKey("studies.study_id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    record: Mapped[dict[str, Any]]
