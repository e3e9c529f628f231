"""A ledger goes from a file into a database and back: every row, counted, or nothing."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import delete, func, insert, select

from orchestrator.cli.ledger import ledger as verbs
from orchestrator.errors import LedgerError
from orchestrator.ledger import health
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.migrate import migrate
from orchestrator.ledger.place import place_named
from orchestrator.ledger.tables import HealthEventRow, Table
from tests.orchestrator.ledger import ledger_samples as samples
from tests.postgres import Postgres


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger with a bit of everything that other rows refer to."""
    path = tmp_path / "ledger.db"
    with Ledger.open(path) as ledger:
        ledger.begin_study(samples.study())
        ledger.record_artifact(samples.artifact(tmp_path / "artifacts" / "a.onnx"))
        for block in range(3):
            ledger.record_session(samples.session(samples.planned(block=block), seed=block))
        ledger.record_score(samples.score(samples.session().session_id))
        ledger.record_decision(samples.decision())
        health.log(ledger, "pi5", "failure", "no answer")
    return path


def nothing(table: str, rows: int) -> None:
    return None


def everything(ledger: Ledger) -> dict[str, list[object]]:
    tables = Table.metadata.sorted_tables
    return {t.name: [tuple(r) for r in ledger.fetch(select(t).order_by(*t.primary_key))] for t in tables}


def test_every_row_arrives_and_comes_back(path: Path, tmp_path: Path, postgresql: Postgres) -> None:
    url = postgresql.empty()
    with (
        Ledger.open(path) as old,
        Ledger.at(place_named(url, tmp_path)) as new,
        Ledger.open(tmp_path / "again.db") as again,
    ):
        counts = migrate(old, new, nothing)
        assert (counts["sessions"], counts["session_arrays"], counts["health_events"]) == (3, 9, 1)
        assert everything(new) == everything(old)
        (found,) = new.sessions("s1", candidate_key=samples.candidate().key)[:1]
        assert samples.same_arrays(found, samples.session(samples.planned(block=0), seed=0))
        # The rows after those that came are numbered on.
        health.log(new, "pi5", "failure", "again no answer")
        assert [event.detail for event in health.events(new, "pi5")] == ["no answer", "again no answer"]
        with new.transaction() as connection:
            connection.execute(delete(HealthEventRow).where(HealthEventRow.number == 2))
        migrate(new, again, nothing)
        assert everything(again) == everything(old)


def test_two_ledgers_are_not_merged(path: Path, tmp_path: Path) -> None:
    with Ledger.open(path) as old, Ledger.open(tmp_path / "other.db") as other:
        other.begin_study(samples.study("s7"))
        before = everything(other)
        with pytest.raises(LedgerError, match="has rows already, in studies"):
            migrate(old, other, nothing)
        assert everything(other) == before


def test_what_cannot_be_brought_whole_is_not_brought(path: Path, tmp_path: Path, postgresql: Postgres) -> None:
    with Ledger.open(path) as old, Ledger.at(place_named(postgresql.empty(), tmp_path)) as new:
        with old.transaction() as connection:
            # PostgreSQL's text holds no NUL: the last table but one fails.
            connection.execute(
                insert(HealthEventRow).values(device="pi5", at_utc="2026-11-21", kind="failure", detail="a\0b")
            )
        with pytest.raises(LedgerError, match="cannot"):
            migrate(old, new, nothing)
        for table in Table.metadata.sorted_tables:
            if table.name != "ledger_schema":
                assert new.fetch(select(func.count()).select_from(table)) == [(0,)]


def test_the_commands(path: Path, tmp_path: Path, postgresql: Postgres) -> None:
    url = postgresql.empty()
    done = CliRunner().invoke(verbs, ["migrate", f"sqlite:{path}", url, "--results", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "session_arrays" in done.stdout
    path.rename(tmp_path / "before.db")
    done = CliRunner().invoke(verbs, ["attach", url, "--results", str(tmp_path)])
    assert done.exit_code == 0, done.output
    done = CliRunner().invoke(verbs, ["studies", "--results", str(tmp_path), "--json"])
    assert '"s1"' in done.stdout


def test_a_ledger_that_is_not_there_is_not_made(tmp_path: Path, postgresql: Postgres) -> None:
    argv = ["migrate", f"sqlite:{tmp_path}/none.db", postgresql.empty(), "--results", str(tmp_path)]
    done = CliRunner().invoke(verbs, argv)
    assert done.exit_code != 0
    assert not (tmp_path / "none.db").exists()
