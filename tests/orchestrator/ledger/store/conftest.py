"""A ledger whose database may hold files, and stores of each kind."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.ledger.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db") as opened:
        yield opened


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """A file of two and a half parts."""
    path = tmp_path / "content.bin"
    path.write_bytes(os.urandom(5 << 19))
    return path
