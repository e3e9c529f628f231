"""Each test that uses ``both_stores`` runs twice: with a ledger in a file, and with one in a PostgreSQL."""

from pathlib import Path

import pytest

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
