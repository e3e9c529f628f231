"""The tables of a ledger brought to what this Earshot reads, by the role that they belong to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, func, inspect, select

from orchestrator.errors import LedgerError
from orchestrator.ledger import database, postgres
from orchestrator.ledger.ledger import BUSY_TIMEOUT_S, Ledger
from orchestrator.ledger.migrations import steps
from orchestrator.ledger.place import Place
from orchestrator.ledger.tables import SCHEMA


@dataclass(frozen=True)
class Standing:
    """``version`` 0: an empty database. ``told``: the ledger knows which steps it has had. ``owner``: of its tables."""

    version: int
    told: bool
    owner: str | None


def upgrade(place: Place) -> int:
    """The schema before; 0: it was empty. Of two that do it at once one waits. A file is upgraded when it is opened.

    Raises LedgerError: not a ledger, of a newer Earshot, or not this user's to change.
    """
    if place.file:
        Ledger.at(place, create=False).close()
        return SCHEMA
    engine = postgres.engine_of(place, busy_timeout_s=BUSY_TIMEOUT_S)
    try:
        with database.writing(engine, place, database.SCHEMA_SCOPE) as connection:
            before = standing(connection, place)
            _as_owner(connection, place, before)
            steps.take(connection)
    finally:
        engine.dispose()
    return before.version


def may_upgrade(place: Place) -> bool:
    """Whether the tables are this user's to make or to change; of a file it is whoever can open it."""
    if place.file:
        return True
    with _looking(place) as connection:
        found = standing(connection, place)
        return found.owner is None or _is_member(connection, found.owner)


def upgrade_sql(place: Place) -> str:
    """What ``upgrade`` would do, for whoever may; nothing is changed. Raises LedgerError as it does."""
    if place.file:
        raise LedgerError(f"the ledger {place} is a file, which is upgraded when it is opened")
    with _looking(place) as connection:
        found = standing(connection, place)
    return steps.as_sql(found.version, told=found.told)


@contextmanager
def _looking(place: Place) -> Iterator[Connection]:
    engine = postgres.engine_of(place, busy_timeout_s=BUSY_TIMEOUT_S)
    try:
        with database.reading(engine, place) as connection:
            yield connection
    finally:
        engine.dispose()


def standing(connection: Connection, place: Place) -> Standing:
    """Of a PostgreSQL. Raises LedgerError for what is no ledger, or one of a newer Earshot."""
    names = inspect(connection).get_table_names()
    version = database.version_in(connection, names, place) if names else 0
    if version > SCHEMA:
        raise database.wrong_schema(place, version)
    return Standing(version, steps.STEPS_TABLE in names, postgres.owner_of(connection) if version else None)


def _as_owner(connection: Connection, place: Place, found: Standing) -> None:
    """New tables belong to whom the old ones belong to, whichever of its members makes them."""
    if found.owner is None:
        return
    if not _is_member(connection, found.owner):
        raise LedgerError(
            f"the tables of {place} belong to {found.owner}; {postgres.user_of(connection)} is no member of that role",
            hint=f"earshot ledger upgrade as {found.owner}, or give --sql's text to whoever is",
        )
    connection.execute(select(func.set_config("role", found.owner, True)))


def _is_member(connection: Connection, owner: str) -> bool:
    return bool(connection.execute(select(func.pg_has_role(owner, "MEMBER"))).scalar_one())
