"""What a ledger's database has done and how large it is: counters of PostgreSQL's own, or of a SQLite file."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Select, String, cast, column, func, literal_column, select, table
from sqlalchemy.dialects.postgresql import REGCLASS

from orchestrator.ledger import database
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.tables import Table

# https://www.postgresql.org/docs/15/monitoring-stats.html: what each column counts.
_COUNTED = (
    "xact_commit",
    "xact_rollback",
    "tup_inserted",
    "tup_updated",
    "tup_deleted",
    "tup_fetched",
    "blks_read",
    "blks_hit",
    "temp_bytes",
    "deadlocks",
    "active_time",
)
# Of a type that SQLAlchemy does not know: as text without one.
_FIRST_LSN: ColumnElement[str] = literal_column("'0/0'")
_DATABASE = table("pg_stat_database", column("datname"), *(column(name) for name in _COUNTED))
_ACTIVITY = table(
    "pg_stat_activity",
    *(column(name) for name in ("datname", "pid", "state", "wait_event_type", "wait_event", "backend_type")),
)


@dataclass(frozen=True)
class ServerLoad:
    """``counters``: by PostgreSQL's names since its statistics began; ``wal_bytes``: of the whole server. Both absent
    of a SQLite. ``table_bytes``: with indexes and what is stored aside, by table; of a SQLite the file as a whole,
    under its name.
    """

    counters: Mapping[str, float]
    table_bytes: Mapping[str, int]
    wal_bytes: int | None

    def since(self, before: "ServerLoad") -> "ServerLoad":
        counters = {name: value - before.counters.get(name, 0) for name, value in self.counters.items()}
        sizes = {name: size - before.table_bytes.get(name, 0) for name, size in self.table_bytes.items()}
        both = self.wal_bytes is not None and before.wal_bytes is not None
        return ServerLoad(counters, sizes, (self.wal_bytes or 0) - (before.wal_bytes or 0) if both else None)


def load_of(ledger: Ledger) -> ServerLoad:
    file = ledger.place.file
    if file is not None:
        parts = [file, file.with_name(f"{file.name}-wal")]
        return ServerLoad({}, {file.name: sum(part.stat().st_size for part in parts if part.exists())}, None)
    with ledger.snapshot() as connection:
        mine = select(_DATABASE).where(_DATABASE.c.datname == func.current_database())
        row = connection.execute(mine).mappings().one()
        wal_bytes = connection.execute(select(func.pg_wal_lsn_diff(func.pg_current_wal_lsn(), _FIRST_LSN))).scalar_one()
        return ServerLoad({name: float(row[name]) for name in _COUNTED}, _sizes(connection), int(wal_bytes))


def _sizes(connection: Connection) -> dict[str, int]:
    return {
        name: connection.execute(select(func.pg_total_relation_size(cast(name, REGCLASS)))).scalar_one()
        for name in sorted(Table.metadata.tables)
    }


def waiting_for(ledger: Ledger) -> dict[str, int]:
    """Connections of this database that do something just now, by what they wait for, such as ``Lock advisory``;
    ``running`` wait for nothing. Empty of a SQLite.
    """
    if ledger.place.file is not None:
        return {}
    here = (
        _ACTIVITY.c.datname == func.current_database(),
        _ACTIVITY.c.pid != func.pg_backend_pid(),
        _ACTIVITY.c.backend_type == "client backend",
        _ACTIVITY.c.state == "active",
    )
    found: dict[str, int] = {}
    for row in ledger.fetch(select(_ACTIVITY.c.wait_event_type, _ACTIVITY.c.wait_event).where(*here)):
        what = f"{row.wait_event_type} {row.wait_event}" if row.wait_event_type else "running"
        found[what] = found.get(what, 0) + 1
    return found


def server_process(ledger: Ledger) -> int | None:
    """Process id of the backend that answers, where the server is on this machine; None elsewhere."""
    if ledger.place.file is not None:
        return None
    here = select(func.pg_backend_pid().label("pid"), cast(func.inet_server_addr(), String).label("address"))
    row = ledger.fetch(here)[0]
    local = row.address is None or row.address.startswith(("127.", "::1"))
    return int(row.pid) if local else None


def rows_of(ledger: Ledger) -> dict[str, int]:
    """Counted, by table."""
    with ledger.snapshot() as connection:
        return {name: connection.execute(_count(name)).scalar_one() for name in sorted(Table.metadata.tables)}


def _count(name: str) -> Select[int]:
    return select(func.count()).select_from(Table.metadata.tables[name])


def clock_s(ledger: Ledger) -> float:
    """Now, by the database's clock: seconds since 1970."""
    with ledger.snapshot() as connection:
        return database.now_s(connection)
