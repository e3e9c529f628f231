"""Devices that these tests reach, and what is put on them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.device_facts import DeviceProbe
from orchestrator.measure.deploy.archive import AgentArchive, build_agent_archive
from orchestrator.measure.deploy.push import deploy
from orchestrator.measure.transports.base import Transport
from orchestrator.measure.transports.local import LocalTransport
from orchestrator.measure.transports.ssh import SshTransport
from tests.hosts import make_ssh_host, ssh_host
from tests.orchestrator.measure.sessions import Files, session_files

__all__ = ["make_ssh_host", "ssh_host"]


def open_device(request: pytest.FixtureRequest, kind: str) -> Transport:
    """A device that every test may use."""
    return LocalTransport() if kind == "local" else SshTransport("device", request.getfixturevalue("ssh_host").target)


@pytest.fixture(params=["local", "ssh"])
def transport(request: pytest.FixtureRequest) -> Iterator[Transport]:
    """Every way to a device that there is."""
    with open_device(request, request.param) as opened:
        yield opened


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> AgentArchive:
    return build_agent_archive(tmp_path_factory.mktemp("archive"))


@pytest.fixture(scope="session")
def probe(archive: AgentArchive, tmp_path_factory: pytest.TempPathFactory) -> DeviceProbe:
    """Of this machine, where all devices of these tests are."""
    return deploy(LocalTransport(), archive, str(tmp_path_factory.mktemp("probed"))).probe


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return session_files(tmp_path / "files")
