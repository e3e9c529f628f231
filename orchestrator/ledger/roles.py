"""Three group roles of a ledger in a PostgreSQL, each with exactly what it needs: admin (its owner), worker, viewer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import ExecutableDDLElement

from orchestrator.errors import LedgerError
from orchestrator.ledger import database, postgres
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.role_rights import (
    ADD,
    CHANGE,
    ONLY,
    TICKETS,
    WORKER_MAY,
    WORKER_MAY_NEW,
    WORKER_MAY_TICKETS,
)

_LOOK = "SELECT"


class Statement(ExecutableDDLElement):
    """``words``: SQL with {} where each of ``names`` comes, quoted."""

    def __init__(self, words: str, *names: str) -> None:
        self.words, self.names = words, names

    def __str__(self) -> str:
        return str(self.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]


@compiles(Statement)
def _spelt(element: Statement, compiler: Any, **_options: Any) -> str:
    return element.words.format(*map(compiler.dialect.identifier_preparer.quote_identifier, element.names))


@dataclass(frozen=True)
class Roles:
    """Names of the group roles, which nobody logs in as."""

    admin: str
    worker: str
    viewer: str

    @classmethod
    def named(cls, prefix: str) -> "Roles":
        return cls(f"{prefix}_admin", f"{prefix}_worker", f"{prefix}_viewer")

    def __iter__(self) -> Iterator[str]:
        yield from (self.admin, self.worker, self.viewer)


def give_roles(ledger: Ledger, roles: Roles, *, alone: bool) -> list[str]:
    """Make the roles that are not there, and give each its rights and no others on these tables; the SQL of it.

    Run again after an upgrade. ``alone``: nobody else may connect to the database. Raises LedgerError for a file, and
    where this user may not do that; then nothing is changed.
    """
    _require_server(ledger)
    with ledger.transaction(database.SCHEMA_SCOPE) as connection:
        statements = _statements(connection, roles, alone)
        for statement in statements:
            connection.execute(statement)
    return [str(statement) for statement in statements]


def roles_sql(ledger: Ledger, roles: Roles, *, alone: bool) -> list[str]:
    """What ``give_roles`` would do. Raises LedgerError for a file."""
    _require_server(ledger)
    with ledger.snapshot() as connection:
        return [str(statement) for statement in _statements(connection, roles, alone)]


def _require_server(ledger: Ledger) -> None:
    if ledger.place.file:
        raise LedgerError(
            f"the ledger {ledger.place} is a file, whose rights are those of the file",
            hint="roles are of a ledger in a PostgreSQL: earshot ledger migrate, then attach",
        )


def _statements(connection: Connection, roles: Roles, alone: bool) -> list[Statement]:
    there = set(connection.execute(text("SELECT rolname FROM pg_roles")).scalars())
    return [
        *(Statement("CREATE ROLE {} NOLOGIN", role) for role in roles if role not in there),
        Statement("GRANT {} TO {}", roles.admin, postgres.user_of(connection)),
        *_of_database(connection, roles, alone),
        *_of_tables(connection, roles),
        *_of_what_comes(connection, roles),
    ]


def _of_database(connection: Connection, roles: Roles, alone: bool) -> Iterator[Statement]:
    name, schema = _whereabouts(connection)
    if alone:
        yield Statement("REVOKE ALL ON DATABASE {} FROM PUBLIC", name)
    yield Statement("GRANT CONNECT ON DATABASE {} TO {}, {}, {}", name, *roles)
    # Before PostgreSQL 15 everybody could make tables in the schema "public".
    yield Statement("REVOKE CREATE ON SCHEMA {} FROM PUBLIC", schema)
    yield Statement("GRANT USAGE, CREATE ON SCHEMA {} TO {}", schema, roles.admin)
    yield Statement("GRANT USAGE ON SCHEMA {} TO {}, {}", schema, roles.worker, roles.viewer)


def _of_tables(connection: Connection, roles: Roles) -> Iterator[Statement]:
    _, schema = _whereabouts(connection)
    look = inspect(connection)
    for table in sorted(look.get_table_names()):
        tickets = table.startswith(TICKETS)
        if not tickets and table not in WORKER_MAY:
            continue  # Somebody else's, in the same schema.
        may = WORKER_MAY_TICKETS if tickets else WORKER_MAY[table]
        yield Statement("ALTER TABLE {}.{} OWNER TO {}", schema, table, roles.admin)
        yield Statement("REVOKE ALL ON TABLE {}.{} FROM PUBLIC, {}, {}", schema, table, roles.worker, roles.viewer)
        yield Statement(f"GRANT {_LOOK} ON TABLE {{}}.{{}} TO {{}}, {{}}", schema, table, roles.worker, roles.viewer)
        if may:
            columns = ONLY.get(table, ())
            yield Statement(
                f"GRANT {_spelt_out(may, columns)} ON TABLE {{}}.{{}} TO {{}}", *columns, schema, table, roles.worker
            )
        if ADD in may:
            for counter in _counters(connection, schema, table):
                yield Statement("GRANT USAGE ON SEQUENCE {}.{} TO {}", schema, counter, roles.worker)


def _spelt_out(may: Sequence[str], columns: Sequence[str]) -> str:
    only = f" ({', '.join('{}' for _ in columns)})" if columns else ""
    return ", ".join(right + only if right == CHANGE else right for right in may)


def _counters(connection: Connection, schema: str, table: str) -> list[str]:
    """What numbers the table's rows: sequences that belong to a column of it."""
    owned = text(
        "SELECT s.relname FROM pg_class s JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i') "
        "JOIN pg_class t ON t.oid = d.refobjid JOIN pg_namespace n ON n.oid = t.relnamespace "
        "WHERE s.relkind = 'S' AND t.relname = :table AND n.nspname = :schema ORDER BY 1"
    )
    return list(connection.execute(owned, {"table": table, "schema": schema}).scalars())


def _of_what_comes(connection: Connection, roles: Roles) -> Iterator[Statement]:
    """Tables that an upgrade adds are the admin's, and may be used at once."""
    _, schema = _whereabouts(connection)
    begin = "ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA {} GRANT"
    new = ", ".join((_LOOK, *WORKER_MAY_NEW))
    yield Statement(f"{begin} {_LOOK} ON TABLES TO {{}}", roles.admin, schema, roles.viewer)
    yield Statement(f"{begin} {new} ON TABLES TO {{}}", roles.admin, schema, roles.worker)
    yield Statement(f"{begin} USAGE ON SEQUENCES TO {{}}", roles.admin, schema, roles.worker)


def _whereabouts(connection: Connection) -> tuple[str, str]:
    """Names of the database and of the schema that the ledger is in."""
    name, schema = connection.execute(select(text("current_database()"), text("current_schema()"))).one()
    return str(name), str(schema)
