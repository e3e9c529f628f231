"""Stand-in boards with the agent on them whose governor may really be changed and whose temperature can be set: one
where root logs in, one with the genuine sudo.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from agents.doctor import journal
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.lab.device import Device
from orchestrator.measure.standin.boards import adapted, ssh_device
from orchestrator.measure.standin.host import Host, HostSpec
from orchestrator.measure.standin.kinds import pi, thermal
from orchestrator.measure.standin.namespaces import has_root
from orchestrator.measure.standin.network import Link
from orchestrator.measure.standin.rootfs import PI, File, Root, User, controller_python, gnu_userland
from orchestrator.measure.standin.sshd import make_keys, sshd
from orchestrator.measure.standin.standin import Maker, Order, StandIn, make
from orchestrator.workflows.prepare import deploy_agent
from orchestrator.workflows.progress import Silent
from tests.hosts import require_program

GOVERNOR = "/sys/devices/system/cpu/cpufreq/policy0/scaling_governor"
MOST_KHZ = "/sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq"
ROOT = User("root", 0, home="/root", login_shell="/bin/bash")


def with_sudo(rule: str) -> Root:
    """sudoers(5) with this rule for pi; PAM asks for nothing."""
    files = {
        "/etc/sudoers": File(f"root ALL=(ALL) ALL\npi {rule}\n", 0o440),
        "/etc/pam.d/sudo": File(
            "auth required pam_deny.so\naccount required pam_permit.so\nsession required pam_permit.so\n"
        ),
    }
    return Root(files=files)


def board(user: User = ROOT, more: Root | None = None, shows: dict[str, File] | None = None) -> Maker:
    """A Raspberry Pi 5 into which ``user`` logs in. ``shows``: files of its /proc and /sys beside those of the kind."""

    def make(order: Order, link: Link) -> tuple[Host, tuple[Device, ...]]:
        keys = make_keys(order.folder / "keys")
        daemon_root, daemon = sshd(user, keys)
        root = gnu_userland() + controller_python() + daemon_root + pi.root(pi.PI_5) + (more or Root())
        spec = HostSpec(order.name, root, {"sshd": daemon}, user, board=pi.board(pi.PI_5) | (shows or {}))
        device = ssh_device(order, link, keys, profile="raspberry-pi-5", user=user.name)
        return Host(adapted(spec, order), link, order.folder), (device,)

    return make


def pi_with_sudo(rule: str) -> Maker:
    return board(PI, with_sudo(rule))


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

    def heats(self, celsius: float) -> None:
        """The board's thermal zone."""
        self.sets(thermal.millidegrees(celsius).strip(), thermal.zone(0))

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
