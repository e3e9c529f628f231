"""What a run asks of a device beside the session itself: its own steps of isolation, or those of the lab file."""

from collections.abc import Iterable, Sequence

from orchestrator.domain.candidate import Candidate
from orchestrator.domain.cluster import Cluster
from orchestrator.domain.isolation import parse_steps
from orchestrator.measure.doctor.isolation import Isolation
from orchestrator.measure.lab.device import Device


def isolation_for(device: Device, asked: Sequence[str] | None, held: Iterable[Cluster | None]) -> Isolation:
    """``asked`` None: what the lab file says for this device. ``held``: where candidates will be held to CPUs."""
    cpus = {cpu for cluster in held if cluster is not None for cpu in cluster.cpus}
    return Isolation(parse_steps(device.isolate if asked is None else asked), tuple(sorted(cpus)))


def clusters_in(candidates: Iterable[Candidate]) -> list[Cluster]:
    return [Cluster(c.cluster, c.affinity) for c in candidates if c.affinity]
