"""The same faults over the other ways to a device: dropbear with BusyBox, adbd with run-as, and sshd through adbd."""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents import wire
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.deploy.archive import AgentArchive
from orchestrator.measure.deploy.clean import clean
from orchestrator.measure.deploy.push import deploy, push_blobs
from orchestrator.measure.deploy.run import Arrays, run_session
from orchestrator.measure.lab.inventory import open_transport
from orchestrator.measure.standin import catalog
from orchestrator.measure.standin.namespaces import has_root
from orchestrator.measure.standin.standin import StandIn
from tests.hosts import require_program
from tests.lab.faults.board import Seen, spec_of, until
from tests.lab.fixtures import ROOTS
from tests.orchestrator.measure.sessions import Files, file_of

# Not every one of them has a `find`.
FILES_BELOW = (
    "import os, sys; [print(os.path.relpath(os.path.join(folder, name), sys.argv[1]))"
    " for folder, _, names in os.walk(sys.argv[1]) for name in names]"
)
HOSTILE = 'it\'s "quoted" $(touch pwned)`touch pwned`; touch pwned # a\nnew line'


@pytest.fixture(scope="module", params=["orin-nano", "galaxy-a15", "pixel-8"])
def standin(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """One for all tests: each leaves it running, with nothing but the cache on it."""
    for name in ("ip", "tc", "unshare", "nsenter", "sshd", "ssh-keygen", "dropbear", "busybox"):
        require_program(name)
    if not has_root():
        pytest.skip("needs root: the tests dial from this machine's own network namespace")
    folder = tmp_path_factory.mktemp(request.param)
    with catalog.make_standin(request.param, folder / request.param, cache=ROOTS) as made:
        yield made


@contextlib.contextmanager
def agent_on(standin: StandIn, archive: AgentArchive, files: Files) -> Iterator[DeployedAgent]:
    with open_transport(standin.device) as transport:
        agent = deploy(transport, archive, standin.device.root, python=standin.device.python)
        push_blobs(agent, files)
        yield agent


@pytest.fixture
def agent(standin: StandIn, archive: AgentArchive, files: Files) -> Iterator[DeployedAgent]:
    """After the test nothing runs there but daemons, and nothing lies below the root but the cache."""
    with agent_on(standin, archive, files) as deployed:
        yield deployed
    with agent_on(standin, archive, files) as deployed:
        clean(deployed)
        left = deployed.transport.exec([deployed.python, "-c", FILES_BELOW, deployed.root]).stdout.decode().split()
        assert left
        assert all(name.startswith(("agent-", "blobs/", "fence.", "probe-")) for name in left), left
        root = deployed.root
    until(lambda: not agents_of(standin, root), lambda: f"still running: {agents_of(standin, root)}")


def agents_of(standin: StandIn, root: str) -> list[str]:
    return [line for line in standin.host.processes().values() if root in line]


def session(agent: DeployedAgent, files: Files, name: str, seen: Seen, folder: Path) -> tuple[wire.RunResult, Arrays]:
    return run_session(agent, spec_of(files, name), on_event=seen, arrays_dir=folder)


def test_the_cable_is_cut(standin: StandIn, agent: DeployedAgent, files: Files, tmp_path: Path) -> None:
    def cut() -> None:
        standin.link.cut()
        threading.Event().wait(1.0)
        standin.link.restore()

    seen = Seen("progress", cut)
    seen.assert_whole(*session(agent, files, "cut", seen, tmp_path))


def test_the_daemon_is_killed(standin: StandIn, agent: DeployedAgent, files: Files, tmp_path: Path) -> None:
    def kill() -> None:
        for name in standin.host.spec.daemons:
            standin.host.kill_daemon(name)
        threading.Event().wait(0.5)
        for name in standin.host.spec.daemons:
            standin.host.start_daemon(name)

    seen = Seen("progress", kill)
    seen.assert_whole(*session(agent, files, "killed", seen, tmp_path))


def test_the_device_restarts(standin: StandIn, agent: DeployedAgent, files: Files, tmp_path: Path) -> None:
    seen = Seen("progress", standin.host.reboot)
    result, _ = session(agent, files, "restarted", seen, tmp_path)
    assert (result.outcome, result.failure) == ("failed", "killed")
    assert "the device restarted while the session ran" in str(result.reason)
    again = Seen()
    again.assert_whole(*session(agent, files, "again", again, tmp_path))


def test_names_are_data(agent: DeployedAgent, tmp_path: Path) -> None:
    transport = agent.transport
    assert transport.exec(["printf", "%s", HOSTILE]).stdout.decode() == HOSTILE
    local = tmp_path / HOSTILE.replace("/", "")
    local.write_bytes(os.urandom(100_000))
    remote = f"{agent.root}/{HOSTILE}"
    transport.push(local, remote)
    transport.pull(remote, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == local.read_bytes()
    assert transport.exec(["rm", remote]).ok
    file = file_of(tmp_path / f"{HOSTILE}.onnx", os.urandom(1000))
    assert push_blobs(agent, [file]).bytes_sent == 1000
    for folder in (".", agent.root, "/tmp", "/"):
        assert not transport.exec(["sh", "-c", 'test -e "$1/pwned"', "sh", folder]).ok
