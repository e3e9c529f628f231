"""A ledger of schema 1 gets the newer tables where it lies; what was in it stays byte for byte."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection

from orchestrator.ledger import database
from orchestrator.ledger.health import record_failure
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.tables import SCHEMA
from tests.orchestrator.ledger import ledger_samples as samples

ROOT = Path(__file__).parents[3]
# As Earshot 0.1 wrote it.
SCHEMA_1 = Path(__file__).with_name("schema1.sql")
NEW_TABLES = {"leases", "device_health", "health_events", "native_sessions", "calibrations", "power_calibrations"}
NEW_TABLES |= {"streams_held", "observer_on_off", "drifts", "nights", "outbox", "outbox_targets", "outbox_refused"}
NEW_TABLES |= {"rounds", "search_steps", "compacted_sessions"}
NEW_TABLES |= {"farm_orders", "farm_jobs", "farm_needs", "farm_workers", "farm_devices", "farm_blobs"}
NEW_TABLES |= {"farm_spool", "farm_snapshot_jobs", "farm_snapshot_queues"}


def schema1(path: Path) -> Path:
    connection = sqlite3.connect(path)
    connection.executescript(SCHEMA_1.read_text())
    connection.close()
    return path


def ask(path: Path, statement: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def tables(path: Path) -> set[object]:
    return {name for (name,) in ask(path, "SELECT name FROM sqlite_master WHERE type = 'table'")} - {"sqlite_sequence"}


@pytest.mark.parametrize("create", [True, False])
def test_an_older_ledger_is_brought_up_to_date_and_keeps_what_it_had(tmp_path: Path, create: bool) -> None:
    path = schema1(tmp_path / "ledger.db")
    before, old_tables = ask(path, "SELECT * FROM studies"), tables(path)
    with Ledger.open(path, create=create) as ledger:
        assert [s.study_id for s in ledger.studies()] == [samples.study().study_id]
        assert record_failure(ledger, "pi5", "link lost").failures == 1
    assert ask(path, "SELECT * FROM studies") == before
    assert tables(path) - old_tables == NEW_TABLES
    assert ask(path, "SELECT version FROM ledger_schema") == [(SCHEMA,)]


def test_an_upgraded_ledger_is_a_new_one(tmp_path: Path) -> None:
    upgraded, new = schema1(tmp_path / "old.db"), tmp_path / "new.db"
    for path in (upgraded, new):
        Ledger.open(path).close()
    shapes = [
        sorted(ask(path, "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")) for path in (upgraded, new)
    ]
    assert shapes[0] == shapes[1]


def test_an_upgrade_that_is_cut_short_leaves_the_old_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = schema1(tmp_path / "ledger.db")
    whole = database._upgrade

    def cut(connection: Connection) -> int:
        whole(connection)
        raise KeyboardInterrupt

    monkeypatch.setattr(database, "_upgrade", cut)
    with pytest.raises(KeyboardInterrupt):
        Ledger.open(path)
    assert not NEW_TABLES & tables(path)
    assert ask(path, "SELECT version FROM ledger_schema") == [(1,)]


def test_processes_that_upgrade_at_once_do_it_once(tmp_path: Path) -> None:
    path = schema1(tmp_path / "ledger.db")
    code = "import sys; from pathlib import Path; from orchestrator.ledger.ledger import Ledger\n"
    code += "Ledger.open(Path(sys.argv[1])).close()"
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    said = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, said
    assert ask(path, "SELECT version FROM ledger_schema") == [(SCHEMA,)]
