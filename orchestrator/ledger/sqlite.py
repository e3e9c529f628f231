"""A ledger in a SQLite file: how it is opened, how a transaction begins, and its errors in our words."""

import os
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from orchestrator.errors import LedgerError
from orchestrator.ledger.json_columns import dump
from orchestrator.ledger.place import Place
from orchestrator.ledger.scope import WRITES

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

# Threads of a worker with a thousand devices take turns at its few connections, each for milliseconds. One that waits
# for so long waits for somebody who is stuck: SQLAlchemy's 30 s were too short for thousands that ended together.
_TURN_S = 600.0


def engine_of(place: Place, path: Path, *, create: bool, busy_timeout_s: float) -> Engine:
    """Raises LedgerError for a path that can be none."""
    _check_path(place, path, create)
    engine = create_engine(place.url, json_serializer=dump, pool_timeout=_TURN_S)
    event.listen(engine, "connect", lambda dbapi, _record: _prepare(dbapi, busy_timeout_s))
    event.listen(engine, "begin", _begin)
    return engine


def _check_path(place: Place, path: Path, create: bool) -> None:
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
    for writable in (path, path.parent):
        if writable.exists() and not os.access(writable, os.W_OK):
            raise _fault(place, "SQLITE_READONLY", f"no permission to write {writable}")


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
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def not_a_ledger(place: Place, detail: str) -> LedgerError:
    return _fault(place, "SQLITE_NOTADB", detail)


def fault(place: Place, error: DBAPIError) -> LedgerError:
    return _fault(place, getattr(error.orig, "sqlite_errorname", ""), str(error.orig))


def _fault(place: Place, name: str, detail: str) -> LedgerError:
    for start, what, hint in _FAULTS:
        if name.startswith(start):
            return LedgerError(f"cannot use the ledger {place}: {what} ({detail})", hint=hint)
    return LedgerError(f"cannot use the ledger {place}: {detail}")
