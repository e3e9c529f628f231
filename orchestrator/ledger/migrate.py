"""A ledger brought into another database: every row, in one transaction, counted on both sides."""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select, text

from orchestrator.errors import LedgerError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.tables import SchemaRow
from orchestrator.ledger.tables import Table as Base

# Rows at a time: a session's arrays are some 100 kB.
_BATCH = 200
# Told after each table: its name and its rows.
Told = Callable[[str, int], None]


def migrate(source: Ledger, target: Ledger, told: Told) -> dict[str, int]:
    """Rows by table. The source stays as it is. Raises LedgerError; then the target is as it was.

    The target must be empty: two ledgers are not merged.
    """
    counts: dict[str, int] = {}
    with source.snapshot() as read, target.transaction("schema") as write:
        for table in _tables():
            if write.execute(select(func.count()).select_from(table)).scalar_one():
                raise LedgerError(
                    f"the ledger {target.place} has rows already, in {table.name}",
                    hint="give an empty database: two ledgers are not merged",
                )
        for table in _tables():
            for batch in _rows(read, table):
                write.execute(insert(table), batch)
            counts[table.name] = _counted(read, write, table, target)
            _number_on(write, table)
            told(table.name, counts[table.name])
    return counts


def _tables() -> list[Table]:
    """What refers to another table after it. The version's row is there already."""
    return [table for table in Base.metadata.sorted_tables if table.name != SchemaRow.__tablename__]


def _rows(connection: Connection, table: Table) -> Iterator[list[dict[str, Any]]]:
    found = connection.execution_options(yield_per=_BATCH).execute(select(table).order_by(*table.primary_key))
    for batch in found.mappings().partitions():
        yield [dict(row) for row in batch]


def _counted(read: Connection, write: Connection, table: Table, target: Ledger) -> int:
    before, after = (c.execute(select(func.count()).select_from(table)).scalar_one() for c in (read, write))
    if before != after:
        raise LedgerError(f"{after} of {before} rows of {table.name} arrived in {target.place}: nothing was kept")
    return int(after)


def _number_on(connection: Connection, table: Table) -> None:
    """PostgreSQL numbers rows by a counter of its own, which does not know of those that came with a number."""
    column = table.autoincrement_column
    if connection.dialect.name == "postgresql" and column is not None:
        last = connection.execute(select(func.max(column))).scalar_one()
        counter = connection.execute(
            text("SELECT pg_get_serial_sequence(:table, :column)"), {"table": table.name, "column": column.name}
        ).scalar_one()
        if last is not None and counter is not None:
            connection.execute(text("SELECT setval(:counter, :last)"), {"counter": counter, "last": last})
