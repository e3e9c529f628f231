"""Schema 7: the farm's tables, and what stays of sessions whose raw arrays made way."""

import sqlalchemy as sa
from alembic import op

from orchestrator.ledger.migrations.columns import content, numbered, real, record, text, whole

revision = "schema7"
down_revision = "schema6"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "farm_blobs",
        text("sha256", primary_key=True),
        whole("part", primary_key=True, autoincrement=False),
        whole("parts"),
        whole("size_bytes"),
        real("put_utc_s"),
        content("blob"),
    )
    op.create_table("farm_devices", text("device", primary_key=True), text("site"), real("announced_utc_s"), record())
    op.create_index("ix_farm_devices_site", "farm_devices", ["site"])
    op.create_table(
        "farm_orders",
        text("order_id", primary_key=True),
        text("user"),
        text("kind"),
        text("title"),
        real("submitted_utc_s"),
        record(),
    )
    op.create_index("ix_farm_orders_submitted_utc_s", "farm_orders", ["submitted_utc_s"])
    op.create_table("farm_snapshot_jobs", text("job_id", primary_key=True), whole("fence"), whole("settled"))
    op.create_table("farm_snapshot_queues", text("queue", primary_key=True), real("at_utc_s"), text("likeness"))
    op.create_table(
        "farm_spool", numbered(), text("kind"), text("key"), real("at_utc_s"), text("refused", nullable=True)
    )
    op.create_table(
        "farm_workers",
        text("worker_id", primary_key=True),
        text("site"),
        text("place"),
        real("started_utc_s"),
        real("heard_utc_s"),
        real("ttl_s"),
        whole("ended"),
        record(),
    )
    op.create_index("ix_farm_workers_place", "farm_workers", ["place"])
    op.create_table(
        "farm_jobs",
        text("job_id", primary_key=True),
        text("order_id", "farm_orders.order_id"),
        text("kind"),
        text("queue"),
        text("user"),
        whole("position"),
        whole("priority"),
        real("deadline_utc_s", nullable=True),
        record("payload"),
        text("state"),
        real("submitted_utc_s"),
        real("not_before_utc_s"),
        whole("attempts"),
        whole("fence"),
        text("worker_id", nullable=True),
        real("started_utc_s", nullable=True),
        real("finished_utc_s", nullable=True),
        whole("cancelling"),
        text("reason", nullable=True),
        record("result", nullable=True),
    )
    op.create_index("farm_jobs_by_order", "farm_jobs", ["order_id"])
    op.create_index("farm_jobs_by_queue", "farm_jobs", ["queue", "state", "order_id", "position"])
    op.create_index("farm_jobs_by_start", "farm_jobs", ["queue", "started_utc_s"])
    op.create_index("farm_jobs_by_state", "farm_jobs", ["state", "queue"])
    op.create_index("farm_jobs_by_worker", "farm_jobs", ["worker_id", "state"])
    op.create_table(
        "compacted_sessions",
        text("session_id", "sessions.session_id", primary_key=True),
        text("compacted_utc"),
        whole("freed_bytes"),
        record(),
        content("histograms"),
    )
    op.create_table(
        "farm_needs",
        text("job_id", "farm_jobs.job_id", primary_key=True),
        text("needs", "farm_jobs.job_id", primary_key=True),
    )
    op.create_index("ix_farm_needs_needs", "farm_needs", ["needs"])
    schema = sa.table("ledger_schema", sa.column("id", sa.BigInteger), sa.column("version", sa.BigInteger))
    op.execute(sa.update(schema).values(version=7))
