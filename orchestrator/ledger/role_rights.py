"""What a worker may do with each table beside reading it. A viewer reads all tables and changes none.

A worker is whoever measures or submits: it adds, and never changes or deletes what was measured.
"""

ADD, CHANGE, REMOVE = "INSERT", "UPDATE", "DELETE"

# The columns that may be changed, where not all may.
ONLY = {"studies": ("status",), "outbox": ("at_ms",)}

WORKER_MAY: dict[str, tuple[str, ...]] = {
    # What was measured, and where. Scores and decisions are made of it, and made again.
    "studies": (ADD, CHANGE),
    "artifacts": (ADD, CHANGE),
    "refusals": (ADD, CHANGE, REMOVE),
    "environments": (ADD,),
    "sessions": (ADD,),
    "session_arrays": (ADD,),
    "native_sessions": (ADD,),
    "scores": (ADD, CHANGE, REMOVE),
    "decisions": (ADD, CHANGE, REMOVE),
    "rounds": (ADD, CHANGE, REMOVE),
    "search_steps": (ADD,),
    "streams_held": (ADD, CHANGE, REMOVE),
    "drifts": (ADD,),
    "calibrations": (ADD,),
    "power_calibrations": (ADD,),
    "observer_on_off": (ADD,),
    "nights": (ADD, CHANGE, REMOVE),
    # Of devices.
    "leases": (ADD, CHANGE, REMOVE),
    "device_health": (ADD, CHANGE, REMOVE),
    "health_events": (ADD,),
    # What servers of metrics are told.
    "outbox": (ADD, CHANGE),
    "outbox_targets": (ADD, CHANGE, REMOVE),
    "outbox_refused": (ADD, REMOVE),
    # The farm.
    "farm_orders": (ADD,),
    "farm_jobs": (ADD, CHANGE),
    "farm_needs": (ADD, REMOVE),
    "farm_workers": (ADD, CHANGE),
    "farm_devices": (ADD, REMOVE),
    "farm_blobs": (ADD, CHANGE, REMOVE),
    # A site's own, in its own file; the admin's.
    "farm_spool": (),
    "farm_snapshot_jobs": (),
    "farm_snapshot_queues": (),
    "compacted_sessions": (),
    "ledger_schema": (),
    "alembic_version": (),
}
# Of tables that a later Earshot adds, until `earshot ledger roles` is run again.
WORKER_MAY_NEW = (ADD, CHANGE)
# The executor's own tables, and those of its tickets: they are no record of anything.
TICKETS, WORKER_MAY_TICKETS = "procrastinate_", (ADD, CHANGE, REMOVE)
