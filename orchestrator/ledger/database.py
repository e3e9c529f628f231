"""The way to the database: connecting, the schema's version, transactions, and its errors in our words."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, insert, inspect, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from orchestrator.errors import LedgerError
from orchestrator.ledger.tables import SCHEMA, SchemaRow, Table

_WRITES = "earshot_writes"
# Ledgers from this schema on are brought to the newest one where they lie, in one transaction.
OLDEST_SCHEMA = 1

# Name of SQLite's error (its start) -> what to tell, what to do next. First match wins.
_FAULTS = (
    ("SQLITE_FULL", "the disk is full", "free some space, then run the same command again: what is recorded is sound"),
    ("SQLITE_BUSY", "another process keeps it locked", "wait for the other earshot to end, then run this again"),
    ("SQLITE_LOCKED", "another process keeps it locked", "wait for the other earshot to end, then run this again"),
    ("SQLITE_READONLY", "it is read-only", "copy it to a folder that you may write to, or change its permissions"),
    ("SQLITE_NOTADB", "it is not a ledger", "give the ledger.db of an earshot-results folder, or a new path"),
    ("SQLITE_CORRUPT", "it is damaged", "keep a copy, then try: sqlite3 LEDGER .recover | sqlite3 NEW"),
    ("SQLITE_CANTOPEN", "it cannot be opened", "check that the folder exists and that you may write to it"),
    ("SQLITE_IOERR", "reading or writing it failed", "check the disk (dmesg, df), then run the same command again"),
)


def connect(path: Path, *, create: bool, busy_timeout_s: float) -> Engine:
    """An engine on a ledger of this version at ``path``. Raises LedgerError."""
    _check_path(path, create)
    engine = create_engine(URL.create("sqlite", database=str(path)), json_serializer=_dump)
    event.listen(engine, "connect", lambda dbapi, _record: _prepare(dbapi, busy_timeout_s))
    event.listen(engine, "begin", _begin)
    try:
        _check_schema(engine, path, create)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _check_path(path: Path, create: bool) -> None:
    if path.is_dir():
        raise LedgerError(f"the ledger {path} is a folder", hint=f"give a file, such as {path / 'ledger.db'}")
    if not path.exists():
        if not create:
            raise LedgerError(
                f"there is no ledger at {path}", hint="run earshot tune first, or name its folder with --results"
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise LedgerError(f"cannot create the folder of the ledger {path}: {exc.strerror}") from exc
    # WAL needs a writable folder for its two side files, even to read.
    for place in (path, path.parent):
        if place.exists() and not os.access(place, os.W_OK):
            raise _fault(path, "SQLITE_READONLY", f"no permission to write {place}")


def _prepare(dbapi: Any, busy_timeout_s: float) -> None:
    # SQLAlchemy's own BEGIN (see _begin) instead of the driver's, which starts transactions too late.
    dbapi.isolation_level = None
    dbapi.execute(f"PRAGMA busy_timeout = {round(busy_timeout_s * 1000)}")
    dbapi.execute("PRAGMA foreign_keys = ON")
    dbapi.execute("PRAGMA journal_mode = WAL")
    # FULL syncs at each commit, so a session that took minutes survives a power cut too. NORMAL would lose the last
    # ones; its gain, a few ms per session, is nothing here.
    dbapi.execute("PRAGMA synchronous = FULL")


def _begin(connection: Connection) -> None:
    # A writer takes the lock before it reads: two that read first and then both want to write cannot wait for each
    # other, and SQLite fails one at once instead of letting it wait.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _check_schema(engine: Engine, path: Path, create: bool) -> None:
    with reading(engine, path) as connection:
        names = inspect(connection).get_table_names()
    if not names and create:
        with writing(engine, path) as connection:
            _create(connection)
    elif SchemaRow.__tablename__ not in names:
        raise _fault(path, "SQLITE_NOTADB", f"a database with the tables {', '.join(names) or 'none'}")
    with reading(engine, path) as connection:
        version = connection.execute(select(SchemaRow.version)).scalar_one_or_none()
    if version is not None and OLDEST_SCHEMA <= version < SCHEMA:
        with writing(engine, path) as connection:
            version = _upgrade(connection)
    if version != SCHEMA:
        raise LedgerError(
            f"the ledger {path} has schema {version}, this Earshot reads schema {SCHEMA}",
            hint="install the newest earshot" if version and version > SCHEMA else "restore it from a backup",
        )


def _upgrade(connection: Connection) -> int:
    """Add the tables that this ledger lacks; returns its version then. Another process may have been first."""
    version: int = connection.execute(select(SchemaRow.version)).scalar_one()
    if version >= SCHEMA:
        return version
    Table.metadata.create_all(connection)
    connection.execute(update(SchemaRow).values(version=SCHEMA))
    return SCHEMA


def _create(connection: Connection) -> None:
    # Another process may have been first: this one waited for the lock, and looks again.
    if inspect(connection).get_table_names():
        return
    Table.metadata.create_all(connection)
    connection.execute(insert(SchemaRow).values(id=1, version=SCHEMA))


@contextmanager
def reading(engine: Engine, path: Path) -> Iterator[Connection]:
    """A transaction that sees one state of the ledger from its first statement to its last."""
    with _in_our_words(path), engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: Engine, path: Path) -> Iterator[Connection]:
    """A transaction that is recorded as a whole, or not at all."""
    with _in_our_words(path), engine.execution_options(**{_WRITES: True}).begin() as connection:
        yield connection


@contextmanager
def _in_our_words(path: Path) -> Iterator[None]:
    try:
        yield
    except IntegrityError as exc:
        raise LedgerError(
            f"the ledger {path} has no row that this one refers to, or has it twice: {exc.orig}",
            hint="record the study first, then its artifacts, then the sessions, then scores and the decision",
        ) from exc
    except DBAPIError as exc:
        raise _fault(path, getattr(exc.orig, "sqlite_errorname", ""), str(exc.orig)) from exc
    except StatementError as exc:
        # Raised before anything is sent: a value that cannot be JSON.
        raise LedgerError(f"cannot write to the ledger {path}: {exc.orig}") from exc


def _fault(path: Path, name: str, detail: str) -> LedgerError:
    for start, what, hint in _FAULTS:
        if name.startswith(start):
            return LedgerError(f"cannot use the ledger {path}: {what} ({detail})", hint=hint)
    return LedgerError(f"cannot use the ledger {path}: {detail}")


def _dump(value: Any) -> str:
    """JSON that PostgreSQL takes too: no NaN, no infinity (an absent figure is None with its reason)."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
