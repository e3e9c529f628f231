"""What is not a ledger, or not one for us, is told in words, and left as it was."""

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.tables import SCHEMA
from tests.orchestrator.ledger import ledger_samples as samples


def make(path: Path) -> Path:
    with Ledger.open(path) as ledger:
        ledger.begin_study(samples.study())
    return path


def change(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement)
    connection.close()


def refusal(path: Path, **options: float) -> LedgerError:
    with pytest.raises(LedgerError) as caught, Ledger.open(path, **options):  # type: ignore[arg-type]
        pass
    assert str(path) in str(caught.value)
    assert caught.value.hint
    assert caught.value.exit_code == 6
    return caught.value


def test_missing_ledger_is_not_created_to_be_read(tmp_path: Path) -> None:
    assert "there is no ledger" in str(refusal(tmp_path / "absent" / "ledger.db", create=False))
    assert not (tmp_path / "absent").exists()


def test_folder_is_refused(tmp_path: Path) -> None:
    assert "is a folder" in str(refusal(tmp_path))


def test_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(LedgerError, match="cannot create the folder"):
        Ledger.open(tmp_path / "file" / "ledger.db")


@pytest.mark.parametrize("content", [b"not a database at all, only text" * 40, b"SQLite format 3\x00" + b"\xff" * 4096])
def test_file_that_is_no_database_is_left_as_it_was(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    assert "it is not a ledger" in str(refusal(path))
    assert path.read_bytes() == content


def test_database_of_another_program_gets_no_tables(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    change(path, "CREATE TABLE recipes (name TEXT)")
    error = refusal(path)
    assert "it is not a ledger (a database with the tables recipes)" in str(error)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("recipes",)]
    connection.close()


def test_empty_file_becomes_a_ledger_only_where_asked(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.touch()
    assert "it is not a ledger" in str(refusal(path, create=False))
    make(path)
    with Ledger.open(path, create=False) as ledger:
        assert ledger.studies() == [samples.study()]


def test_ledger_of_a_newer_earshot_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path / "ledger.db")
    change(path, f"UPDATE ledger_schema SET version = {SCHEMA + 1}")
    error = refusal(path)
    assert f"has schema {SCHEMA + 1}, this Earshot reads schema {SCHEMA}" in str(error)
    assert error.hint == "install the newest earshot"


def test_ledger_without_its_version_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path / "ledger.db")
    change(path, "DELETE FROM ledger_schema")
    assert "has schema None" in str(refusal(path))


def test_truncated_ledger_is_told(tmp_path: Path) -> None:
    path = make(tmp_path / "ledger.db")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert "it is damaged" in str(refusal(path))


def test_ledger_locked_by_another_process_is_told(tmp_path: Path) -> None:
    path = make(tmp_path / "ledger.db")
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with Ledger.open(path, busy_timeout_s=0.05) as ledger:
        # Reading goes on beside a writer.
        assert ledger.studies() == [samples.study()]
        with pytest.raises(LedgerError, match="another process keeps it locked") as caught:
            ledger.finish_study("s1", "finished")
    assert "wait for the other earshot" in str(caught.value.hint)
    holder.rollback()
    holder.close()
    with Ledger.open(path) as ledger:
        ledger.finish_study("s1", "finished")


def test_new_ledger_cannot_be_made_while_locked(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    assert "another process keeps it locked" in str(refusal(path, busy_timeout_s=0.05))
    holder.close()


@pytest.fixture
def read_only_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with a ledger, mounted read-only: that holds for root too, permission bits do not."""
    folder = make(tmp_path / "results" / "ledger.db").parent
    binds = ["mount", "--bind", str(folder), str(folder)]
    if shutil.which("mount") is None or subprocess.run(binds, capture_output=True).returncode:
        pytest.skip("read-only ledger: mounting is not permitted here")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_read_only_ledger_is_told(read_only_folder: Path) -> None:
    error = refusal(read_only_folder / "ledger.db")
    assert "it is read-only" in str(error)
    assert "copy it to a folder" in str(error.hint)


def test_path_with_odd_characters(tmp_path: Path) -> None:
    path = make(tmp_path / "what? 100% #1" / "le dger.db")
    with Ledger.open(path, create=False) as ledger:
        assert ledger.studies() == [samples.study()]
