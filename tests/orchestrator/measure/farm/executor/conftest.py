"""Each test that takes ``ledger`` runs twice: with the executor of a file, and with that of a PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.farm.executor.base import Executor
from orchestrator.measure.farm.executor.choice import executor_of
from tests.orchestrator.measure.farm.executor.work import FAST
from tests.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Of results; attached to a PostgreSQL, or with a ledger of its own."""
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgresql")
        (tmp_path / "ledger.url").write_text(server.empty() + "\n")
    return tmp_path


@pytest.fixture
def ledger(folder: Path) -> Iterator[Ledger]:
    with Ledger.open(folder / "ledger.db") as opened:
        yield opened


@pytest.fixture
def executor(ledger: Ledger) -> Executor:
    return executor_of(ledger, FAST)
