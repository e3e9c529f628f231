"""Cores of one kind, which a session can be held to: little, big and prime ones of a phone, or any set of CPUs."""

from collections.abc import Sequence
from dataclasses import dataclass

from agents.cpu_list import cpu_list, parse_cpu_list
from agents.device_facts import Core, DeviceProbe
from orchestrator.errors import BadInput

ALL = "all"
_SLOWEST, _MIDDLE, _FASTEST = "little", "big", "prime"


@dataclass(frozen=True)
class Cluster:
    """``cpus`` in order. ``name``: as in ``clusters_of``, or empty for a set that is no whole cluster."""

    name: str
    cpus: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name} ({cpu_list(self.cpus)})" if self.name else f"CPUs {cpu_list(self.cpus)}"


def clusters_of(probe: DeviceProbe) -> tuple[Cluster, ...]:
    """From the slowest: little and big; little, big and prime; with numbers where several lie between (big-1, big-2).
    None where all cores are of one kind: there is nothing to choose.
    """
    found: dict[int, list[Core]] = {}
    for core in probe.cores:
        found.setdefault(core.cluster, []).append(core)
    if len(found) < 2:
        return ()
    ordered = [found[number] for number in sorted(found)]
    return tuple(
        Cluster(name, tuple(sorted(core.cpu for core in cores)))
        for name, cores in zip(cluster_names(len(ordered)), ordered, strict=True)
    )


def cluster_names(count: int) -> list[str]:
    """Of so many clusters, slowest first."""
    if count < 4:
        return [_SLOWEST, _MIDDLE, _FASTEST][:count]
    return [_SLOWEST, *(f"{_MIDDLE}-{number}" for number in range(1, count - 1)), _FASTEST]


def named(probe: DeviceProbe, device: str, names: Sequence[str]) -> tuple[Cluster, ...]:
    """Those clusters, or all that the device has. Raises BadInput for one that it does not have."""
    known = clusters_of(probe)
    if ALL in names:
        return known
    by_name = {cluster.name: cluster for cluster in known}
    for name in names:
        if name not in by_name:
            has = ", ".join(str(cluster) for cluster in known) or "cores of one kind only: --cpus 0,1 takes any of them"
            raise BadInput(f"{device} has no cluster {name!r}", hint=f"it has {has}")
    return tuple(by_name[name] for name in dict.fromkeys(names))


def of_cpus(probe: DeviceProbe, device: str, cpus: Sequence[int]) -> Cluster:
    """These CPUs, with their name where they are a whole cluster. Raises BadInput for one that it does not have."""
    wanted, there = tuple(sorted(set(cpus))), {core.cpu for core in probe.cores}
    missing = [cpu for cpu in wanted if cpu not in there]
    if missing:
        raise BadInput(f"{device} has no CPU {missing[0]}", hint=f"it has {cpu_list(there) or 'not told which ones'}")
    name = next((cluster.name for cluster in clusters_of(probe) if cluster.cpus == wanted), "")
    return Cluster(name, wanted)


def parse_cpus(text: str) -> tuple[int, ...]:
    """``0,1`` or ``4-7``. Raises BadInput."""
    try:
        cpus = tuple(parse_cpu_list(text))
    except ValueError:
        cpus = ()
    if not cpus:
        raise BadInput(f"{text!r} is no list of CPUs", hint="write it as 0,1 or 4-7")
    return cpus


def require_room(cluster: Cluster, threads: int) -> None:
    """Raises BadInput where some of the threads would wait for each other."""
    if threads > len(cluster.cpus):
        raise BadInput(
            f"{threads} threads do not fit on {cluster}", hint=f"--threads {len(cluster.cpus)}, or more CPUs"
        )
