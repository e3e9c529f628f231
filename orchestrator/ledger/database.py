"""The way to the database: connecting, the schema's version, transactions, and its errors in our words."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, extract, func, insert, inspect, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.exc import TimeoutError as NoneFree

from orchestrator.errors import LedgerAway, LedgerError
from orchestrator.ledger import farm_tables, postgres, sqlite
from orchestrator.ledger.json_columns import NotJson
from orchestrator.ledger.migrations import steps
from orchestrator.ledger.place import Place
from orchestrator.ledger.scope import NOW, SCOPE, WRITES
from orchestrator.ledger.tables import SCHEMA, SchemaRow, Table

# Ledgers from this schema on are brought to the newest one where they lie, in one transaction.
OLDEST_SCHEMA = 1
# All tables are known to SQLAlchemy once their files are imported.
assert farm_tables.JobRow.metadata is Table.metadata
# Of the transaction that makes or upgrades the tables.
SCHEMA_SCOPE = "schema"


def connect(place: Place, *, create: bool, busy_timeout_s: float) -> Engine:
    """An engine on a ledger of this version. Raises LedgerError."""
    if place.file:
        engine = sqlite.engine_of(place, place.file, create=create, busy_timeout_s=busy_timeout_s)
    else:
        engine = postgres.engine_of(place, busy_timeout_s=busy_timeout_s)
    try:
        _check_schema(engine, place, create)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _check_schema(engine: Engine, place: Place, create: bool) -> None:
    with reading(engine, place) as connection:
        names = inspect(connection).get_table_names()
    if not names and create:
        with writing(engine, place, SCHEMA_SCOPE) as connection:
            _create(connection)
    with reading(engine, place) as connection:
        names = inspect(connection).get_table_names()
        version = version_in(connection, names, place)
        if not place.file and version < SCHEMA:
            raise postgres.not_upgraded(place, version, SCHEMA, postgres.owner_of(connection))
    if OLDEST_SCHEMA <= version < SCHEMA:
        with writing(engine, place, SCHEMA_SCOPE) as connection:
            version = _upgrade(connection)
    if version != SCHEMA:
        raise wrong_schema(place, version)


def version_in(connection: Connection, names: Sequence[str], place: Place) -> int:
    """The schema of the ledger that has the tables ``names``. Raises LedgerError where it is none."""
    if SchemaRow.__tablename__ not in names:
        detail = f"a database with the tables {', '.join(names) or 'none'}"
        raise (sqlite if place.file else postgres).not_a_ledger(place, detail)
    version: int | None = connection.execute(select(SchemaRow.version)).scalar_one_or_none()
    if version is None:
        raise wrong_schema(place, None)
    return version


def wrong_schema(place: Place, version: int | None) -> LedgerError:
    return LedgerError(
        f"the ledger {place} has schema {version}, this Earshot reads schema {SCHEMA}",
        hint="install the newest earshot" if version and version > SCHEMA else "restore it from a backup",
    )


def _upgrade(connection: Connection) -> int:
    """Add the tables that this file lacks; returns its version then. Another process may have been first."""
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
    if connection.dialect.name == "sqlite":
        Table.metadata.create_all(connection)
        connection.execute(insert(SchemaRow).values(id=1, version=SCHEMA))
    else:
        steps.take(connection)


@contextmanager
def reading(engine: Engine, place: Place) -> Iterator[Connection]:
    """A transaction that sees one state of the ledger from its first statement to its last."""
    with _in_our_words(place), engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: Engine, place: Place, scope: str) -> Iterator[Connection]:
    """A transaction that is recorded as a whole, or not at all. Those of one scope follow each other."""
    options = {WRITES: True, SCOPE: scope}
    with _in_our_words(place), engine.execution_options(**options).begin() as connection:
        yield connection


def insert_absent(connection: Connection, table: type[Table], values: Mapping[str, Any]) -> bool:
    """A row, unless its key is there already: also where another writer is just about to insert it. True: it is new."""
    made = sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert
    absent = made(table).values(values).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
    return connection.execute(absent).rowcount == 1


def insert_or_replace(connection: Connection, table: type[Table], values: Mapping[str, Any]) -> None:
    """A row, in place of the one that has its key, if there is one."""
    made = sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert
    keys = [column.name for column in inspect(table).primary_key]
    rest = {name: value for name, value in values.items() if name not in keys}
    inserted = made(table).values(values)
    if rest:
        connection.execute(inserted.on_conflict_do_update(index_elements=keys, set_=rest))
    else:
        connection.execute(inserted.on_conflict_do_nothing())


def now_s(connection: Connection) -> float:
    """Seconds since 1970 by the clock that all who share this ledger share; a writer's is that of its beginning."""
    if connection.dialect.name == "sqlite":
        return time.time()
    if (told := connection.info.get(NOW)) is not None:
        return float(told)
    return float(connection.execute(select(extract("epoch", func.clock_timestamp()))).scalar_one())


@contextmanager
def _in_our_words(place: Place) -> Iterator[None]:
    try:
        yield
    except IntegrityError as exc:
        raise LedgerError(
            f"the ledger {place} has no row that this one refers to, or has it twice: {exc.orig}",
            hint="record the study first, then its artifacts, then the sessions, then scores and the decision",
        ) from exc
    except NoneFree as exc:
        # All of them wait for a database that does not answer.
        raise LedgerAway(f"cannot use the ledger {place}: no connection became free ({exc})") from exc
    except DBAPIError as exc:
        raise (sqlite if place.file else postgres).fault(place, exc) from exc
    except (StatementError, NotJson) as exc:
        # Raised before anything is sent, by SQLAlchemy or by the driver: a value that cannot be JSON.
        raise LedgerError(f"cannot write to the ledger {place}: {getattr(exc, 'orig', exc)}") from exc
