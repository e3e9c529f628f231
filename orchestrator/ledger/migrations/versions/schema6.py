"""Schema 6: the tables with which ledgers in a PostgreSQL began."""

import sqlalchemy as sa
from alembic import op

from orchestrator.ledger.migrations.columns import content, numbered, real, record, small, text, whole

revision = "schema6"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "artifacts",
        text("sha256", primary_key=True),
        text("model"),
        text("recipe"),
        whole("size_bytes"),
        text("path"),
        record(),
    )
    op.create_index("ix_artifacts_model", "artifacts", ["model"])
    op.create_table(
        "calibrations",
        text("calibration_id", primary_key=True),
        text("device"),
        text("model"),
        text("mode"),
        text("at_utc"),
        record(),
    )
    op.create_index("ix_calibrations_device", "calibrations", ["device"])
    op.create_table(
        "device_health",
        text("device", primary_key=True),
        whole("failures"),
        text("quarantined_utc", nullable=True),
        text("reason", nullable=True),
    )
    op.create_table("drifts", numbered(), text("artifact_sha256"), text("model"), text("at_utc"), record())
    op.create_index("ix_drifts_artifact_sha256", "drifts", ["artifact_sha256"])
    op.create_table("environments", text("sha256", primary_key=True), text("device"), text("device_model"), record())
    op.create_index("ix_environments_device", "environments", ["device"])
    op.create_table("health_events", numbered(), text("device"), text("at_utc"), text("kind"), text("detail"))
    op.create_index("ix_health_events_device", "health_events", ["device"])
    op.create_table(
        "leases",
        text("device", primary_key=True),
        text("lease_id"),
        whole("token"),
        text("holder"),
        text("process", nullable=True),
        text("purpose"),
        text("acquired_utc"),
        text("heard_boot_id"),
        real("heard_uptime_s"),
        real("heard_utc_s"),
        real("ttl_s"),
        whole("released"),
        text("on_device", nullable=True),
    )
    op.create_table("ledger_schema", whole("id", primary_key=True), whole("version"))
    op.create_table(
        "native_sessions",
        text("session_id", primary_key=True),
        text("device"),
        text("device_model"),
        text("tool"),
        text("model"),
        text("model_sha256"),
        text("mode"),
        text("started_utc"),
        record(),
    )
    op.create_index("ix_native_sessions_device", "native_sessions", ["device"])
    op.create_table(
        "nights",
        text("plan", primary_key=True),
        text("at", primary_key=True),
        text("started_utc"),
        text("finished_utc", nullable=True),
        record(),
    )
    op.create_table("observer_on_off", numbered(), text("device"), text("at_utc"), record())
    op.create_index("ix_observer_on_off_device", "observer_on_off", ["device"])
    op.create_table(
        "outbox",
        numbered(),
        text("key"),
        text("place"),
        whole("at_ms"),
        whole("samples"),
        record(),
        sa.UniqueConstraint("key"),
    )
    op.create_index("outbox_places", "outbox", ["place", "at_ms"], unique=True)
    op.create_index("outbox_times", "outbox", ["at_ms"])
    op.create_table(
        "outbox_targets",
        text("url", primary_key=True),
        whole("delivered"),
        whole("sent_samples"),
        text("succeeded_utc", nullable=True),
        text("failing_since_utc", nullable=True),
        text("failure", nullable=True),
    )
    op.create_table("power_calibrations", numbered(), text("device"), text("sensor"), text("at_utc"), record())
    op.create_index("ix_power_calibrations_device", "power_calibrations", ["device"])
    op.create_table(
        "studies",
        text("study_id", primary_key=True),
        text("model"),
        text("device"),
        text("started_utc"),
        text("status"),
        text("settings_sha256"),
        record("settings"),
    )
    op.create_index("studies_by_model", "studies", ["model"])
    op.create_index("studies_by_settings", "studies", ["settings_sha256", "status"])
    op.create_table(
        "decisions",
        text("study_id", "studies.study_id", primary_key=True),
        text("model"),
        text("device_model"),
        text("verdict"),
        text("winner", nullable=True),
        record(),
    )
    op.create_index("ix_decisions_model", "decisions", ["model"])
    op.create_table(
        "outbox_refused",
        text("url", "outbox_targets.url", primary_key=True),
        small("number", "outbox.number", primary_key=True, autoincrement=False),
        text("reason"),
        text("detail"),
        whole("samples"),
    )
    op.create_table(
        "refusals",
        text("study_id", "studies.study_id", primary_key=True),
        text("recipe", primary_key=True),
        text("reason"),
    )
    op.create_table("rounds", text("study_id", "studies.study_id", primary_key=True), record())
    op.create_table(
        "search_steps",
        text("study_id", "studies.study_id", primary_key=True),
        small("number", primary_key=True, autoincrement=False),
        record(),
    )
    op.create_table(
        "sessions",
        text("session_id", primary_key=True),
        text("study_id", "studies.study_id"),
        text("artifact_sha256", "artifacts.sha256"),
        text("environment_sha256", "environments.sha256"),
        text("device"),
        text("device_model"),
        text("model"),
        text("candidate_key"),
        text("recipe"),
        text("runtime"),
        text("provider"),
        whole("threads"),
        whole("chunk_samples"),
        text("mode"),
        whole("block"),
        whole("position"),
        whole("attempt"),
        whole("chunk_count"),
        text("outcome"),
        text("failure", nullable=True),
        text("started_utc"),
        real("duration_s"),
        record("planned"),
        record("result"),
    )
    op.create_index("ix_sessions_artifact_sha256", "sessions", ["artifact_sha256"])
    op.create_index("sessions_by_device", "sessions", ["device", "started_utc"])
    op.create_index("sessions_by_kind", "sessions", ["device_model", "model", "started_utc"])
    op.create_index("sessions_by_study", "sessions", ["study_id", "mode", "candidate_key"])
    op.create_table(
        "streams_held",
        text("study_id", "studies.study_id", primary_key=True),
        text("device"),
        text("model"),
        text("candidate_key"),
        text("at_utc"),
        record(),
    )
    op.create_index("ix_streams_held_device", "streams_held", ["device"])
    op.create_table(
        "scores",
        text("session_id", "sessions.session_id", primary_key=True),
        text("metric", primary_key=True),
        text("candidate_key"),
        real("value"),
        text("evaluation_sha256"),
        record("details"),
        content("items"),
    )
    op.create_table(
        "session_arrays",
        text("session_id", "sessions.session_id", primary_key=True),
        text("name", primary_key=True),
        text("dtype"),
        record("shape"),
        text("codec"),
        content("blob"),
    )
    schema = sa.table("ledger_schema", sa.column("id", sa.BigInteger), sa.column("version", sa.BigInteger))
    op.execute(sa.insert(schema).values(id=1, version=6))
