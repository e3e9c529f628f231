"""What a site's ledger has and the farm's may not: written down by triggers, whoever records it and however."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, inspect, literal, select, update

from orchestrator.errors import LedgerError
from orchestrator.ledger.farm_tables import SpoolRow
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.tables import (
    ArrayRow,
    ArtifactRow,
    CalibrationRow,
    DecisionRow,
    DriftRow,
    HealthEventRow,
    HealthRow,
    NativeRow,
    NightRow,
    OnOffRow,
    PowerCalibrationRow,
    RefusalRow,
    RoundsRow,
    ScoreRow,
    SearchStepRow,
    SessionRow,
    StreamsHeldRow,
    StudyRow,
    Table,
)

# What is delivered, each after what it refers to. A session brings its environment and its arrays along. Leases stay:
# their times are of the site's own clocks.
KINDS: tuple[type[Table], ...] = (
    StudyRow,
    ArtifactRow,
    RefusalRow,
    SessionRow,
    ScoreRow,
    DecisionRow,
    RoundsRow,
    SearchStepRow,
    StreamsHeldRow,
    NativeRow,
    CalibrationRow,
    PowerCalibrationRow,
    OnOffRow,
    DriftRow,
    NightRow,
    HealthRow,
    HealthEventRow,
)
TABLES = {kind.__tablename__: kind for kind in KINDS}
_SCOPE = "farm spool"
_EVENTS = ("INSERT", "UPDATE")
# Seconds since 1970 in SQLite's words: its julian days begin this many before.
_NOW_S = "(julianday('now') - 2440587.5) * 86400.0"
# Statements name so many numbers at a time: databases have a limit of parameters.
_BATCH = 500


@dataclass(frozen=True)
class Entry:
    """A row of ``kind`` whose primary key is ``key``, as it was at ``at_utc_s`` or as it became since."""

    number: int
    kind: str
    key: tuple[Any, ...]
    at_utc_s: float


@dataclass(frozen=True)
class Spool:
    """What waits at a site. ``array_bytes``: of its sessions, as they are stored. ``refused``: what the farm's ledger
    did not take, and why one of them was not.
    """

    entries: int
    sessions: int
    array_bytes: int
    oldest_utc_s: float | None
    refused: int = 0
    refusal: str | None = None


def begin_spool(site: Ledger) -> None:
    """From now on all that is recorded in this ledger is spooled; the first time also what it has by then.

    Raises LedgerError for a ledger that is no file: a farm's has nobody to deliver to.
    """
    if site.place.file is None:
        raise LedgerError(f"{site.place} is a farm's ledger: a site has a file of its own")
    with site.transaction(_SCOPE) as connection:
        there = set(connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars())
        for kind in KINDS:
            for event in _EVENTS:
                if _trigger(kind, event) not in there:
                    connection.exec_driver_sql(_trigger_text(kind, event))
            if _trigger(kind, "INSERT") not in there:
                connection.exec_driver_sql(_all_text(kind))


def _trigger(kind: type[Table], event: str) -> str:
    return f"farm_spool_{kind.__tablename__}_{event.lower()}"


def _trigger_text(kind: type[Table], event: str) -> str:
    """All names in it are those of our tables."""
    into = (
        f"INSERT INTO farm_spool (kind, key, at_utc_s) VALUES ('{kind.__tablename__}', {_key('NEW', kind)}, {_NOW_S})"
    )
    return f"CREATE TRIGGER {_trigger(kind, event)} AFTER {event} ON {kind.__tablename__} BEGIN {into}; END"


def _all_text(kind: type[Table]) -> str:
    table = kind.__tablename__
    return (
        f"INSERT INTO farm_spool (kind, key, at_utc_s) SELECT '{table}', {_key(table, kind)}, {_NOW_S}"
        f" FROM {table} ORDER BY {table}.rowid"
    )


def _key(row: str, kind: type[Table]) -> str:
    return f"json_array({', '.join(f'{row}.{column.name}' for column in inspect(kind).primary_key)})"


def entries_after(site: Ledger, number: int, *, refused: bool, limit: int = _BATCH) -> list[Entry]:
    """The next ones in the order in which they were written; ``refused``: also what the farm did not take before."""
    wanted = select(SpoolRow.__table__).where(SpoolRow.number > number).order_by(SpoolRow.number).limit(limit)
    if not refused:
        wanted = wanted.where(SpoolRow.refused.is_(None))
    return [Entry(row.number, row.kind, tuple(json.loads(row.key)), row.at_utc_s) for row in site.fetch(wanted)]


def newest_entry(site: Ledger) -> int:
    """Its number; 0 where nothing waits."""
    return int(site.fetch(select(func.coalesce(func.max(SpoolRow.number), 0).label("number")))[0].number)


def forget(site: Ledger, entries: Sequence[Entry]) -> None:
    """The farm has them. What was written of the same rows meanwhile has entries of its own."""
    with site.transaction(_SCOPE) as connection:
        for numbers in _batches([entry.number for entry in entries]):
            connection.execute(delete(SpoolRow).where(SpoolRow.number.in_(numbers)))


def refuse(site: Ledger, entry: Entry, reason: str) -> None:
    """The farm's ledger does not take it. It stays here, and is not in the way of others."""
    with site.transaction(_SCOPE) as connection:
        connection.execute(update(SpoolRow).where(SpoolRow.number == entry.number).values(refused=reason))


def spool(site: Ledger) -> Spool:
    """What waits now; a few milliseconds where little does."""
    # A row that changed while it waited has several entries.
    rows = func.count((SpoolRow.kind + SpoolRow.key).distinct())
    with site.snapshot() as connection:
        waiting, refused = (SpoolRow.refused.is_(None), SpoolRow.refused.is_not(None))
        entries, oldest = connection.execute(select(rows, func.min(SpoolRow.at_utc_s)).where(waiting)).one()
        sessions, array_bytes = _sessions(connection)
        not_taken, reason = connection.execute(select(rows, func.max(SpoolRow.refused)).where(refused)).one()
    return Spool(entries, sessions, array_bytes, oldest, not_taken, reason)


def _sessions(connection: Connection) -> tuple[int, int]:
    waiting = (SpoolRow.kind == SessionRow.__tablename__, SpoolRow.refused.is_(None))
    sizes = (
        select(func.count(SessionRow.session_id.distinct()), func.coalesce(func.sum(func.length(ArrayRow.blob)), 0))
        .select_from(SpoolRow)
        .join(SessionRow, SessionRow.session_id == func.json_extract(SpoolRow.key, literal("$[0]")))
        .outerjoin(ArrayRow, ArrayRow.session_id == SessionRow.session_id)
        .where(*waiting)
    )
    found = connection.execute(sizes).one()
    return int(found[0]), int(found[1])


def _batches(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    return (numbers[start : start + _BATCH] for start in range(0, len(numbers), _BATCH))
