"""What is known of a device without measuring it: chip, clusters of cores, memory bandwidth."""

import re
from dataclasses import dataclass, replace

from orchestrator.decide.prediction.cores import CORES, CoreKind
from orchestrator.domain.cluster import cluster_names
from orchestrator.errors import BadInput

_CORES_FORM = "write them slowest first, such as 4xCortex-A55@2000,4xCortex-A78@2400 (clock in MHz; it may be absent)"
_GROUP = re.compile(r"(\d+)\s*x\s*([A-Za-z][\w .()+-]*?)\s*(?:@\s*(\d+))?")


@dataclass(frozen=True)
class CoreGroup:
    """``count`` alike cores: ``core`` as its maker calls it, ``max_mhz`` None where nothing says."""

    count: int
    core: str
    max_mhz: int | None = None

    @property
    def kind(self) -> CoreKind | None:
        return CORES.get(self.core)

    @property
    def speed(self) -> float | None:
        """fp32 multiply-adds in 1e6 a second; None where the clock or the core's pipelines are not known."""
        lanes = self.kind.lanes if self.kind else None
        return None if self.max_mhz is None or lanes is None else self.max_mhz * lanes


@dataclass(frozen=True)
class DeviceFacts:
    """``name`` is the device model's. ``groups``: slowest first. ``isa``: aarch64, x86_64: what its kernels are for."""

    name: str
    title: str
    soc: str | None
    groups: tuple[CoreGroup, ...]
    bandwidth_gb_s: float | None = None
    isa: str = "aarch64"

    @property
    def cores(self) -> int:
        return sum(group.count for group in self.groups)

    def cluster(self, name: str) -> CoreGroup | None:
        """The cluster that is called so on the device (domain/cluster.py); None where it has none."""
        if len(self.groups) < 2:
            return None
        return dict(zip(cluster_names(len(self.groups)), self.groups, strict=True)).get(name)

    def used(self, threads: int, cluster: str = "") -> tuple[CoreGroup, ...] | None:
        """The cores that so many threads run on, fastest first: of that cluster, else the fastest that there are,
        which is where a scheduler puts work that never waits. None where they do not fit.
        """
        own = self.cluster(cluster) if cluster else None
        left, found = threads, []
        for group in [own] if own else ([] if cluster else reversed(self.groups)):
            taken = min(left, group.count)
            if taken:
                found.append(replace(group, count=taken))
            left -= taken
        return tuple(found) if left == 0 else None

    def __str__(self) -> str:
        cores = ", ".join(
            f"{g.count} x {g.core}" + (f" {g.max_mhz / 1000:.2f} GHz" if g.max_mhz else "") for g in self.groups
        )
        memory = f", {self.bandwidth_gb_s:g} GB/s" if self.bandwidth_gb_s else ""
        return f"{self.title} ({self.soc or 'chip not known'}: {cores or 'cores not known'}{memory})"


def parse_cores(text: str) -> tuple[CoreGroup, ...]:
    """Of ``4xCortex-A55@2000,4xCortex-A78@2400``. Raises BadInput that shows the form."""
    found = []
    for part in text.split(","):
        match = _GROUP.fullmatch(part.strip())
        if match is None or not 1 <= int(match[1]) <= 256:
            raise BadInput(f"cannot read the cores {part.strip()!r}", hint=_CORES_FORM)
        mhz = int(match[3]) if match[3] else None
        if mhz is not None and not 100 <= mhz <= 10_000:
            raise BadInput(f"the clock of {match[2]} must be in 100..10000 MHz, got {mhz}", hint=_CORES_FORM)
        found.append(CoreGroup(int(match[1]), match[2], mhz))
    return tuple(found)
