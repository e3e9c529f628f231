"""Backups as docs/how-to/postgresql.md tells them: what was dumped comes back whole, in another place."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from orchestrator.ledger import health
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.place import place_named
from orchestrator.ledger.roles import Roles, give_roles
from orchestrator.ledger.tables import SCHEMA, Table
from orchestrator.ledger.upgrade import upgrade
from tests.orchestrator.ledger import ledger_samples as samples
from tests.postgres import Postgres


def fill(ledger: Ledger, folder: Path) -> None:
    ledger.begin_study(samples.study())
    ledger.record_artifact(samples.artifact(folder / "a.onnx"))
    for block in range(3):
        ledger.record_session(samples.session(samples.planned(block=block), seed=block))
    health.log(ledger, "pi5", "failure", "no answer")


def everything(ledger: Ledger) -> dict[str, list[object]]:
    tables = Table.metadata.sorted_tables
    return {t.name: [tuple(r) for r in ledger.fetch(select(t).order_by(*t.primary_key))] for t in tables}


@pytest.fixture
def databases(postgresql: Postgres) -> Iterator[tuple[str, str]]:
    """Names of two empty ones."""
    names = ("backed_up", "restored")
    with postgresql.connect() as connection:
        for name in names:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
        yield names
        for name in names:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]


def test_a_dump_comes_back_whole(postgresql: Postgres, databases: tuple[str, str], tmp_path: Path) -> None:
    before, after = (place_named(postgresql.url(name), tmp_path) for name in databases)
    dump = tmp_path / "earshot.dump"
    with Ledger.at(before) as ledger:
        give_roles(ledger, Roles.named("backup"), alone=True)
        fill(ledger, tmp_path)
        expected = everything(ledger)
        postgresql.tool("pg_dump", "--format=custom", f"--file={dump}", postgresql.socket_url(databases[0]))
        # What comes after it is not in it, and takes no part in it.
        ledger.begin_study(samples.study("s2"))
    kept_out = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")
    postgresql.tool("pg_restore", *kept_out, f"--dbname={postgresql.socket_url(databases[1])}", str(dump))
    assert upgrade(after) == SCHEMA, "it knows which steps it has had"
    with Ledger.at(after, create=False) as ledger:
        assert everything(ledger) == expected
        give_roles(ledger, Roles.named("backup"), alone=True)
        health.log(ledger, "pi5", "failure", "again no answer")
        assert [event.detail for event in health.events(ledger, "pi5")] == ["no answer", "again no answer"]


def test_a_file_is_copied_while_it_is_written(tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        fill(ledger, tmp_path)
        expected = everything(ledger)
        with ledger.transaction() as connection, closing(sqlite3.connect(copy)) as target:
            connection.execute(Table.metadata.tables["health_events"].delete())
            # What sqlite3's .backup does.
            with closing(sqlite3.connect(tmp_path / "ledger.db")) as source:
                source.backup(target)
            connection.rollback()
    with Ledger.open(copy, create=False) as ledger:
        assert everything(ledger) == expected
