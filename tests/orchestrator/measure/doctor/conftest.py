"""Boards of these tests, with the agent on them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from agents.doctor import journal
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.lab.device import Device
from orchestrator.measure.standin.namespaces import has_root
from orchestrator.measure.standin.standin import Maker, Order, StandIn, make
from orchestrator.workflows.prepare import deploy_agent
from orchestrator.workflows.progress import Silent
from tests.hosts import require_program
from tests.orchestrator.measure.doctor.boards import GOVERNOR, board


@dataclass(frozen=True)
class Bench:
    """A stand-in, and the agent on it."""

    standin: StandIn
    device: Device
    agent: DeployedAgent

    def says(self, path: str = GOVERNOR) -> str:
        return self.standin.host.board.get(path).strip()

    def sets(self, text: str, path: str = GOVERNOR) -> None:
        self.standin.host.board.set(path, f"{text}\n")

    @property
    def journal(self) -> Path:
        """The undo journal, as it lies on the board's disk."""
        return self.standin.host.disk.path(journal.path_of(self.agent.root))

    def agent_again(self) -> DeployedAgent:
        """As another controller has it."""
        return deploy_agent(self.device, Silent())[0]


MakeBench = Callable[..., Bench]


@pytest.fixture
def make_bench(tmp_path: Path) -> Iterator[MakeBench]:
    for name in ("ip", "unshare", "nsenter", "sshd"):
        require_program(name)
    if not has_root():
        pytest.skip("needs root: the tests dial from this machine's own network namespace")
    with ExitStack() as stack:

        def made(maker: Maker | None = None, *, sudo: bool = False) -> Bench:
            folder = tmp_path / "board"
            folder.mkdir()
            order = Order("pi5", folder, tmp_path / "cache", {})
            standin = stack.enter_context(make("pi5", maker or board(), order))
            device = replace(standin.device, sudo=sudo)
            agent = deploy_agent(device, Silent())[0]
            stack.callback(agent.transport.close)
            return Bench(standin, device, agent)

        yield made


@pytest.fixture
def bench(make_bench: MakeBench) -> Bench:
    """A Raspberry Pi 5 into which root logs in."""
    return make_bench()
