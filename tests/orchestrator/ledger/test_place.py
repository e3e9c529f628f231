"""Where a ledger is: a file, or the database that its folder is attached to; what is said where it cannot be used."""

from pathlib import Path

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.place import URL_FILE, database_url, place_of
from tests.orchestrator.ledger import ledger_samples as samples
from tests.postgres import Postgres, postgres


def attach(folder: Path, url: str) -> Path:
    (folder / URL_FILE).write_text(url + "\n")
    return folder / "ledger.db"


def refusal(path: Path) -> LedgerError:
    with pytest.raises(LedgerError) as caught:
        Ledger.open(path).close()
    return caught.value


def test_a_folder_is_a_file_s_until_it_is_attached(tmp_path: Path) -> None:
    assert str(place_of(tmp_path / "ledger.db")) == str(tmp_path / "ledger.db")
    path = attach(tmp_path, "postgresql://ann@db.example/earshot?passfile=/home/ann/.pgpass")
    place = place_of(path)
    assert (place.folder, place.file) == (tmp_path, None)
    assert str(place) == "postgresql://ann@db.example/earshot?passfile=%2Fhome%2Fann%2F.pgpass"


def test_a_ledger_of_its_own_is_not_forgotten_for_a_database(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger.begin_study(samples.study())
    error = refusal(attach(tmp_path, "postgresql://db/earshot"))
    assert "has a ledger of its own" in error.message
    assert "earshot ledger migrate" in str(error.hint)


@pytest.mark.parametrize("url", ["postgresql://ann:secret@db/x", "postgresql://ann@db/x?password=secret"])
def test_a_password_is_given_by_reference(tmp_path: Path, url: str) -> None:
    error = refusal(attach(tmp_path, url))
    assert "has a password in the URL" in error.message
    assert "secret" not in error.message
    assert "passfile" in str(error.hint)


def test_what_is_no_url_and_what_is_another_database_are_told_apart() -> None:
    with pytest.raises(LedgerError, match="no URL of a database: 'nonsense'"):
        database_url("nonsense")
    with pytest.raises(LedgerError, match="a farm's ledger is a PostgreSQL, and the command line says mysql"):
        database_url("mysql://ann@db/x")


def test_nobody_listens_there(tmp_path: Path) -> None:
    error = refusal(attach(tmp_path, "postgresql://ann@127.0.0.1:1/earshot"))
    assert "cannot reach the ledger postgresql://ann@127.0.0.1:1/earshot" in error.message
    assert "check the network and that PostgreSQL runs" in str(error.hint)


def test_a_database_that_is_not_there_and_one_of_somebody_else(tmp_path: Path, postgresql: Postgres) -> None:
    assert "it has no such database" in refusal(attach(tmp_path, postgresql.url("absent"))).message
    taken = postgresql.empty()
    with postgresql.connect() as connection:
        connection.execute(f"CREATE TABLE {taken.rpartition('%3D')[2]}.songs (id int)")  # type: ignore[arg-type]
    error = refusal(attach(tmp_path, taken))
    assert "it is not a ledger (a database with the tables songs)" in error.message


def test_a_wrong_password_is_told_with_what_to_check(tmp_path: Path, postgresql: Postgres) -> None:
    passfile = tmp_path / "pgpass"
    passfile.write_text("*:*:*:*:wrong\n")
    passfile.chmod(0o600)
    error = refusal(attach(tmp_path, f"postgresql://owner@127.0.0.1:{postgresql.port}/postgres?passfile={passfile}"))
    assert "it refused this user (connection failed" in error.message


def test_a_ledger_outlives_its_server_s_restart(tmp_path: Path) -> None:
    with postgres(settings=("fsync=off",)) as server, Ledger.open(attach(tmp_path, server.empty())) as ledger:
        ledger.begin_study(samples.study())
        server.stop("immediate")
        with pytest.raises(LedgerError, match="cannot reach the ledger"):
            ledger.studies()
        server.start()
        assert ledger.studies() == [samples.study()]


def test_processes_of_one_database_make_its_tables_once(tmp_path: Path, postgresql: Postgres) -> None:
    path = attach(tmp_path, postgresql.empty())
    with Ledger.open(path) as first, Ledger.open(path) as second:
        first.begin_study(samples.study())
        assert second.studies() == [samples.study()]
    with Ledger.open(path, create=False) as again:
        assert again.studies() == [samples.study()]
