"""What a profile says against what the probe found: a fact that differs is worth a look before it is measured."""

from collections import Counter
from dataclasses import dataclass

from agents.device_facts import DeviceProbe
from orchestrator.measure.lab.profiles import Cluster, DeviceProfile, Memory

# Makers round: 2400 MHz is sold as 2.4 GHz, and the table in the device may end at 2419.
_CLOCK_TOLERANCE = 0.05
# Firmware, GPU and modem keep a part of what is sold; a Pi with 512 MB and 76 MB for its GPU is the largest part.
_LEAST_LEFT = 0.7


@dataclass(frozen=True)
class Agreement:
    """``agrees`` is None where the probe could not tell."""

    fact: str
    says: str
    found: str
    agrees: bool | None


def compare(profile: DeviceProfile, probe: DeviceProbe) -> list[Agreement]:
    """One line for each fact that the profile states and a probe can see; the clusters from the slowest."""
    lines = []
    if profile.soc is not None and profile.soc.code is not None:
        found = " ".join(filter(None, [probe.soc, *probe.compatible]))
        agrees = profile.soc.code.lower() in found.lower() if found else None
        lines.append(Agreement("SoC", f"{profile.soc.name} ({profile.soc.code})", probe.soc or "-", agrees))
    lines += _clusters(profile.clusters, probe)
    if profile.memory is not None and profile.memory.sizes_gib:
        lines.append(_memory(profile.memory, probe))
    return lines


def found_clusters(probe: DeviceProbe) -> tuple[Cluster, ...]:
    """The probe's cores as a profile would write them, slowest first."""
    counts = Counter(core.cluster for core in probe.cores)
    first = {core.cluster: core for core in reversed(probe.cores)}
    return tuple(
        Cluster(counts[k], first[k].name or first[k].part, first[k].part, _mhz(first[k].max_hz)) for k in sorted(counts)
    )


def described(clusters: tuple[Cluster, ...]) -> str:
    """For example ``4 x Cortex-A55 1.80 GHz, 2 x Cortex-X1 2.80 GHz``."""
    return ", ".join(f"{c.cores} x {c.core}" + (f" {c.max_mhz / 1000:.2f} GHz" if c.max_mhz else "") for c in clusters)


def _mhz(max_hz: int | None) -> int | None:
    return None if max_hz is None else round(max_hz / 1e6)


def _clusters(says: tuple[Cluster, ...], probe: DeviceProbe) -> list[Agreement]:
    if not says:
        return []
    found = found_clusters(probe)
    lines = [Agreement("clusters", str(len(says)), str(len(found)) if found else "-", _same(says, found))]
    left = list(found)
    for number, cluster in enumerate(says):
        match = next((c for c in left if _alike(cluster, c)), None)
        if match is not None:
            left.remove(match)
        shown = match or (left[0] if len(says) == len(found) and left else None)
        lines.append(
            Agreement(
                f"cluster {number}",
                described((cluster,)),
                described((shown,)) if shown else "not there" if found else "-",
                match is not None if found else None,
            )
        )
    return lines


def _same(says: tuple[Cluster, ...], found: tuple[Cluster, ...]) -> bool | None:
    return len(says) == len(found) if found else None


def _alike(says: Cluster, found: Cluster) -> bool:
    part = says.part is None or found.part == "unknown" or says.part == found.part
    return part and says.cores == found.cores and _same_clock(says.max_mhz, found.max_mhz)


def _same_clock(says_mhz: int | None, found_mhz: int | None) -> bool:
    if says_mhz is None or found_mhz is None:
        return True
    return abs(says_mhz - found_mhz) <= _CLOCK_TOLERANCE * says_mhz


def _memory(memory: Memory, probe: DeviceProbe) -> Agreement:
    says = " or ".join(f"{size:g}" for size in memory.sizes_gib) + " GiB"
    if probe.memory_bytes is None:
        return Agreement("memory", says, "-", None)
    gib = probe.memory_bytes / 2**30
    agrees = any(_LEAST_LEFT * size <= gib <= size for size in memory.sizes_gib)
    return Agreement("memory", says, f"{gib:.1f} GiB usable", agrees)
