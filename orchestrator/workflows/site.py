"""A device as it is held while something is measured on it: leased, reached, quieted, its agent there."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from orchestrator.domain.cluster import Cluster
from orchestrator.domain.session import Environment
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.doctor.isolation import Isolation
from orchestrator.measure.doctor.quieted import quieted
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.lease import Hold
from orchestrator.workflows.held import Wish
from orchestrator.workflows.isolating import isolation_for
from orchestrator.workflows.prepare import deploy_agent
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.reach import Ahead, in_environment
from orchestrator.workflows.reserve import PowerCycle, reserved


@dataclass(frozen=True)
class SiteWish:
    """``environment``: the device's Python environment, None: its default. ``held``: the CPUs that a session of so many
    ``threads`` is held to. ``isolate``: steps of isolation, None: the lab file's. ``quiet_device``: make the changes
    that the doctor proposes, and undo them afterwards.
    """

    environment: str | None = None
    held: Wish = field(default_factory=Wish)
    threads: int = 1
    isolate: tuple[str, ...] | None = None
    quiet_device: bool = False


@dataclass(frozen=True)
class Site:
    """``cluster``: what sessions are held to there, None: nothing."""

    device: Device
    agent: DeployedAgent
    environment: Environment
    lease: Hold
    power: PowerCycle
    cluster: Cluster | None
    asked: Isolation


@contextmanager
def on_site(
    ledger: Ledger,
    device: Device,
    purpose: str,
    wish: SiteWish,
    progress: Progress,
    wait_s: float = 0.0,
    ahead: Ahead | None = None,
) -> Iterator[Site]:
    """The device is ours within the block. Raises DeviceHeld where somebody else has it for longer than ``wait_s``."""
    with reserved(ledger, device, purpose, progress, wait_s=wait_s) as held:
        power = PowerCycle(ledger, device, progress)
        chosen = in_environment(device, wish.environment)
        agent, environment = power.reach(lambda: deploy_agent(chosen, progress, ledger, ahead=ahead))
        with agent.transport, held.on_device(agent):
            cluster = wish.held.on(environment.probe, device.name, wish.threads)
            asked = isolation_for(device, wish.isolate, [cluster])
            with quieted(agent, device, progress.note, wanted=wish.quiet_device, asked=asked) as done:
                environment = replace(environment, isolation=done)
                yield Site(device, agent, environment, held, power, cluster, asked)
