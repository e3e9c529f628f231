"""The steps by which a PostgreSQL comes to its tables: they end where the tables are, from wherever a ledger was."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata, produce_migrations, render_python_code
from alembic.migration import MigrationContext
from click.testing import CliRunner
from sqlalchemy import Engine, inspect, text

from orchestrator.cli.ledger import ledger as verbs
from orchestrator.errors import LedgerError
from orchestrator.ledger import postgres
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.migrations import steps
from orchestrator.ledger.place import place_named
from orchestrator.ledger.tables import SCHEMA, Table
from orchestrator.ledger.upgrade import upgrade, upgrade_sql
from tests.orchestrator.ledger import ledger_samples as samples
from tests.postgres import Postgres

ROOT = Path(__file__).parents[3]
# As Earshot of schema 6 made them in an empty database, without Alembic.
SCHEMA_6 = Path(__file__).with_name("schema6.sql")


@pytest.fixture
def url(postgresql: Postgres) -> str:
    return postgresql.empty()


def engine(url: str, tmp_path: Path) -> Engine:
    return postgres.engine_of(place_named(url, tmp_path), busy_timeout_s=30)


def run(url: str, tmp_path: Path, statements: str) -> None:
    made = engine(url, tmp_path)
    with made.begin() as connection:
        # All at once, as psql -f does it: psycopg splits no scripts that have parameters, and this has none.
        connection.connection.cursor().execute(statements)
    made.dispose()


def shape(url: str, tmp_path: Path) -> dict[str, Any]:
    """All that a database says of its tables, comparable."""
    made = engine(url, tmp_path)
    look = inspect(made)
    found: dict[str, Any] = {}
    for table in look.get_table_names():
        columns = [{**column, "type": repr(column["type"])} for column in look.get_columns(table)]
        # A counter has its schema's name in its default.
        columns = [{**c, "default": c["default"] and c["default"].split("(")[0]} for c in columns]
        found[table] = {
            "columns": columns,
            "key": look.get_pk_constraint(table),
            "refers": sorted(({**k, "referred_schema": None} for k in look.get_foreign_keys(table)), key=str),
            "indexes": sorted(look.get_indexes(table), key=str),
            "unique": sorted(look.get_unique_constraints(table), key=str),
        }
    made.dispose()
    return found


def schema6(url: str, tmp_path: Path) -> str:
    """A ledger of the last release with a study in it."""
    run(url, tmp_path, SCHEMA_6.read_text())
    return url


def test_the_steps_end_where_the_tables_are(url: str, tmp_path: Path) -> None:
    upgrade(place_named(url, tmp_path))
    made = engine(url, tmp_path)
    with made.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        missing = compare_metadata(context, Table.metadata)
        written = render_python_code(produce_migrations(context, Table.metadata).upgrade_ops)
    made.dispose()
    assert missing == [], f"the newest step of orchestrator/ledger/migrations lacks:\n{written}"


def test_tables_of_the_steps_are_those_of_create_all(postgresql: Postgres, tmp_path: Path) -> None:
    stepped, whole = postgresql.empty(), postgresql.empty()
    upgrade(place_named(stepped, tmp_path))
    made = engine(whole, tmp_path)
    with made.begin() as connection:
        Table.metadata.create_all(connection)
    made.dispose()
    found = shape(stepped, tmp_path)
    assert list(found.pop(steps.STEPS_TABLE)["columns"][0])
    assert found == shape(whole, tmp_path)


def test_a_ledger_of_the_last_release_is_upgraded_where_it_lies(postgresql: Postgres, tmp_path: Path) -> None:
    url, new = schema6(postgresql.empty(), tmp_path), postgresql.empty()
    with pytest.raises(LedgerError) as caught:
        Ledger.at(place_named(url, tmp_path)).close()
    assert f"has schema 6, this Earshot reads schema {SCHEMA}" in caught.value.message
    assert "owner, whom its tables belong to, upgrades it with `earshot ledger upgrade`" in str(caught.value.hint)
    assert upgrade(place_named(url, tmp_path)) == 6
    assert upgrade(place_named(url, tmp_path)) == SCHEMA
    with Ledger.at(place_named(url, tmp_path)) as ledger:
        assert [study.study_id for study in ledger.studies()] == ["s1"]
    Ledger.at(place_named(new, tmp_path)).close()
    assert shape(url, tmp_path) == shape(new, tmp_path)


@pytest.mark.parametrize("before", ["nothing", "schema 6"])
def test_an_admin_may_do_it_by_hand(before: str, postgresql: Postgres, tmp_path: Path) -> None:
    url, new = postgresql.empty(), postgresql.empty()
    if before == "schema 6":
        schema6(url, tmp_path)
    written = upgrade_sql(place_named(url, tmp_path))
    assert steps.STEPS_TABLE not in shape(url, tmp_path), "it only tells"
    run(url, tmp_path, written)
    with Ledger.at(place_named(url, tmp_path)) as ledger:
        ledger.begin_study(samples.study("s2"))
    Ledger.at(place_named(new, tmp_path)).close()
    assert shape(url, tmp_path) == shape(new, tmp_path)


def test_of_two_that_upgrade_at_once_one_waits(url: str, tmp_path: Path) -> None:
    schema6(url, tmp_path)
    code = "import sys; from pathlib import Path; from orchestrator.ledger.place import place_named\n"
    code += "from orchestrator.ledger.upgrade import upgrade; print(upgrade(place_named(sys.argv[1], Path())))"
    running = [
        subprocess.Popen([sys.executable, "-c", code, url], cwd=ROOT, stdout=-1, stderr=-1, text=True) for _ in range(2)
    ]
    said = [process.communicate(timeout=120) for process in running]
    assert sorted(out.strip() for out, _ in said) == ["6", str(SCHEMA)], said


def test_an_upgrade_that_fails_leaves_all_as_it_was(url: str, tmp_path: Path) -> None:
    schema6(url, tmp_path)
    # Somebody has a table of that name already: the newest step fails in its middle.
    run(url, tmp_path, "CREATE TABLE farm_jobs (id int)")
    before = shape(url, tmp_path)
    with pytest.raises(LedgerError, match='relation "farm_jobs" already exists'):
        upgrade(place_named(url, tmp_path))
    assert shape(url, tmp_path) == before


def test_a_ledger_of_a_newer_earshot_is_left_alone(url: str, tmp_path: Path) -> None:
    Ledger.at(place_named(url, tmp_path)).close()
    run(url, tmp_path, f"UPDATE ledger_schema SET version = {SCHEMA + 1}")
    for change in (upgrade, upgrade_sql):
        with pytest.raises(LedgerError) as caught:
            change(place_named(url, tmp_path))
        assert caught.value.hint == "install the newest earshot"


def test_alembic_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "find_spec", lambda name: None)
    with pytest.raises(LedgerError) as caught:
        steps.as_sql(0, told=False)
    assert caught.value.hint == "pip install 'earshot[farm]'"


def test_a_file_needs_no_alembic(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from orchestrator.ledger.ledger import Ledger\n"
    code += "Ledger.open(Path(sys.argv[1])).close(); assert 'alembic' not in sys.modules"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "ledger.db")], cwd=ROOT, check=True, timeout=120)


def test_the_command(url: str, tmp_path: Path) -> None:
    schema6(url, tmp_path)
    told = CliRunner().invoke(verbs, ["upgrade", url, "--sql", "--results", str(tmp_path)])
    assert told.exit_code == 0, told.output
    assert "CREATE TABLE farm_jobs" in told.stdout
    done = CliRunner().invoke(verbs, ["upgrade", url, "--results", str(tmp_path)])
    assert f"from schema 6 to schema {SCHEMA}" in done.stdout, done.output
    done = CliRunner().invoke(verbs, ["upgrade", url, "--results", str(tmp_path)])
    assert f"schema {SCHEMA}: nothing to do" in done.stdout, done.output
    empty = text("SELECT count(*) FROM farm_jobs")
    made = engine(url, tmp_path)
    with made.connect() as connection:
        assert connection.execute(empty).scalar_one() == 0
    made.dispose()
