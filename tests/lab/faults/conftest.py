"""Boards for faults: one that most tests share, and the shorter patience that CI can afford."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.measure.deploy.archive import AgentArchive, build_agent_archive
from orchestrator.measure.transports import ssh_connect
from tests.lab.faults.board import Board, board
from tests.orchestrator.measure.sessions import Files, session_files

# `make faults`: the cuts of 30 and 300 s, with the patience that users have.
REAL = os.environ.get("EARSHOT_REAL_FAULTS") == "1"


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> AgentArchive:
    return build_agent_archive(tmp_path_factory.mktemp("archive"))


@pytest.fixture(scope="module")
def pi5(tmp_path_factory: pytest.TempPathFactory, archive: AgentArchive) -> Iterator[Board]:
    """A board for the tests of one file: each leaves it running, with nothing but the cache on it."""
    with board(tmp_path_factory.mktemp("pi5"), archive) as made:
        yield made


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return session_files(tmp_path / "files")


@pytest.fixture(autouse=True)
def sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead link is noticed after two seconds, not ten."""
    if REAL:
        return
    monkeypatch.setattr(ssh_connect, "LINK_TIMEOUT_S", 2.0)
    monkeypatch.setattr(ssh_connect, "CONNECT_TIMEOUT_S", 2.0)
    monkeypatch.setattr(ssh_connect, "PROBE_IDLE_S", 1)
    monkeypatch.setattr(ssh_connect, "PROBE_INTERVAL_S", 1)
    monkeypatch.setattr(ssh_connect, "PROBE_COUNT", 2)
