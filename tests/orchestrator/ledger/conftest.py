"""Each test that uses ``both_stores`` runs twice: with a ledger in a file, and with one in a PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete

from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.place import Place, place_named
from orchestrator.ledger.spool import begin_spool
from orchestrator.ledger.tables import SchemaRow, Table
from tests.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def both_stores(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The store's name. The folders in which these tests keep ledgers are attached to an empty schema each."""
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgresql")
        for folder in (tmp_path, tmp_path / "results"):
            folder.mkdir(exist_ok=True)
            (folder / "ledger.url").write_text(server.empty() + "\n")
    return str(request.param)


@pytest.fixture(scope="session")
def farm_database(postgresql: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A ledger's tables in a PostgreSQL, made once: ``farm`` empties them."""
    place = place_named(postgresql.empty(), tmp_path_factory.mktemp("farm"))
    Ledger.at(place).close()
    return place


@pytest.fixture(params=["sqlite", "postgresql"])
def farm(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger that is a farm's, of either kind."""
    if request.param == "sqlite":
        with Ledger.open(tmp_path / "ledger.db") as opened:
            yield opened
        return
    with Ledger.at(request.getfixturevalue("farm_database")) as opened:
        with opened.transaction() as connection:
            for table in reversed(Table.metadata.sorted_tables):
                if table.name != SchemaRow.__tablename__:
                    connection.execute(delete(table))
        yield opened


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger that is a site's."""
    with Ledger.open(tmp_path / "site" / "ledger.db") as opened:
        begin_spool(opened)
        yield opened
