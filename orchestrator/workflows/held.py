"""The CPUs that a session was asked to be held to, on the device that it turned out to run on."""

from dataclasses import dataclass

from agents.device_facts import DeviceProbe
from orchestrator.domain.cluster import Cluster, named, of_cpus, require_room
from orchestrator.errors import BadInput


@dataclass(frozen=True)
class Wish:
    """``cluster``: one by name; ``cpus``: any set of them; neither: where the scheduler puts it. Raises BadInput for
    both.
    """

    cluster: str | None = None
    cpus: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.cluster is not None and self.cpus:
            raise BadInput("a cluster and CPUs were both given", hint="--cluster big, or --cpus 4-7")

    def on(self, probe: DeviceProbe, device: str, threads: int) -> Cluster | None:
        """Raises BadInput where the device does not have them, or they are too few for the threads."""
        if self.cluster is None and not self.cpus:
            return None
        found = of_cpus(probe, device, self.cpus) if self.cpus else named(probe, device, [str(self.cluster)])[0]
        require_room(found, threads)
        return found
