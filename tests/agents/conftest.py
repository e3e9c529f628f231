"""The agent as a process: from the checkout, and from the archive that goes to devices."""

import sys
from pathlib import Path

import pytest

from orchestrator.measure.deploy.archive import build_agent_archive
from tests.agents.device import Device


@pytest.fixture
def device(tmp_path: Path) -> Device:
    """An empty device that runs the agent from the checkout."""
    return Device(tmp_path)


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive as it is pushed."""
    return build_agent_archive(tmp_path_factory.mktemp("archive")).path


@pytest.fixture
def archive_device(tmp_path: Path, archive: Path) -> Device:
    """An empty device that runs the agent from its archive, away from the checkout."""
    return Device(tmp_path, (sys.executable, str(archive)), tmp_path)
