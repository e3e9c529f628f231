"""What the tests of whole jobs share."""

from pathlib import Path

import pytest

from tests.hosts import make_ssh_host, ssh_host
from tests.orchestrator.workflows.mini import add_mini

__all__ = ["make_ssh_host", "ssh_host"]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results folder whose library holds the model ``mini``."""
    folder = tmp_path / "earshot-results"
    add_mini(folder)
    return folder
