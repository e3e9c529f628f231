"""Device profiles: facts about kinds of devices, and which kind a probed device is."""

import re
from dataclasses import dataclass, field

from agents.device_facts import DeviceProbe
from orchestrator.errors import BadInput

# Facts of the probe that a rule may look at; all of them are texts, and ``compatible`` is several.
MATCH_FACTS = (
    "model",
    "manufacturer",
    "soc",
    "compatible",
    "revision",
    "machine",
    "os",
    "build",
    "kernel",
    "libc",
    "virtual",
    "context",
)
SLUG_LENGTH = 60
# As the probe calls it, in what stands between it and the hardware.
STAND_IN = "stand-in"
# A bandwidth that is stated is rounded; one that follows from rate and width must be the same figure.
_ROUNDED = 0.05


@dataclass(frozen=True)
class Soc:
    """``name`` as the maker writes it; ``code`` as the device says it (device tree or ro.soc.model)."""

    name: str
    code: str | None = None
    gpu: str | None = None
    npu: str | None = None


@dataclass(frozen=True)
class Cluster:
    """``cores`` alike: ``part`` as the probe prints it (implementer/part), ``max_mhz`` None where no source says."""

    cores: int
    core: str
    part: str | None = None
    max_mhz: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.cores <= 256:
            raise ValueError(f"cores must be in 1..256, got {self.cores}")
        if self.max_mhz is not None and not 100 <= self.max_mhz <= 10_000:
            raise ValueError(f"max_mhz must be in 100..10000, got {self.max_mhz}")


@dataclass(frozen=True)
class Memory:
    """``sizes_gib`` sold; ``transfer_mts`` in 10^6 transfers a second; ``bandwidth_gb_s`` in 10^9 bytes a second."""

    kind: str | None = None
    sizes_gib: tuple[float, ...] = ()
    transfer_mts: int | None = None
    bus_bits: int | None = None
    bandwidth_gb_s: float | None = None

    def __post_init__(self) -> None:
        for name in ("transfer_mts", "bus_bits", "bandwidth_gb_s"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"{name} must be > 0, got {value}")
        if self.transfer_mts and self.bus_bits and self.bandwidth_gb_s:
            follows = self.transfer_mts * self.bus_bits / 8000
            if abs(self.bandwidth_gb_s - follows) > _ROUNDED * follows:
                raise ValueError(f"{self.bus_bits} bit at {self.transfer_mts} MT/s is {follows:.1f} GB/s")


@dataclass(frozen=True)
class DeviceProfile:
    """One kind of device.

    ``match``: fact of the probe -> regular expression for the whole of it; all must match, and among several profiles
    that do the one with the highest ``priority`` counts. ``python``: how Python gets there. ``runtimes``: runtime ->
    execution provider -> what it takes. ``sensors``: name (or its beginning) -> where it comes from. ``absent``: what
    is not there -> why. ``clusters``: slowest first. ``sources``: where the facts come from; ``soc``, ``clusters`` and
    ``memory`` need theirs. ``kind_of``: names of the profiles that it extends, the nearest first.
    """

    title: str
    match: dict[str, str]
    python: str
    runtimes: dict[str, dict[str, str]]
    sensors: dict[str, str]
    absent: dict[str, str]
    sources: dict[str, str]
    soc: Soc | None = None
    clusters: tuple[Cluster, ...] = ()
    memory: Memory | None = None
    priority: int = 0
    schema: int = 1
    name: str = ""
    kind_of: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        unknown = sorted(set(self.match) - set(MATCH_FACTS))
        if unknown or not self.match:
            raise ValueError(f"match must name some of {', '.join(MATCH_FACTS)}, got {unknown or 'nothing'}")
        if self.schema != 1:
            raise ValueError(f"schema must be 1, got {self.schema}")
        for fact, pattern in self.match.items():
            try:
                re.compile(pattern)
            except re.error as exc:
                raise ValueError(f"match.{fact} must be a regular expression, got {pattern!r}: {exc}") from exc
        for table in ("soc", "clusters", "memory"):
            if getattr(self, table) and table not in self.sources:
                raise ValueError(f"{table} needs its source: sources.{table} = where these facts come from")

    def fits(self, probe: DeviceProbe) -> bool:
        """True where every fact named in ``match`` is there and matches; of ``compatible`` one name is enough."""
        return all(_fits(getattr(probe, fact), pattern) for fact, pattern in self.match.items())


def _fits(value: str | tuple[str, ...] | None, pattern: str) -> bool:
    values = (value,) if isinstance(value, str) else value or ()
    return any(re.fullmatch(pattern, text) is not None for text in values)


def match_profile(probe: DeviceProbe, profiles: dict[str, DeviceProfile]) -> DeviceProfile | None:
    """The profile of highest priority that fits; None where none does. Raises BadInput where two are equally good."""
    fitting = sorted((p for p in profiles.values() if p.fits(probe)), key=lambda p: (-p.priority, p.name))
    if len(fitting) > 1 and fitting[0].priority == fitting[1].priority:
        raise BadInput(
            f"device {probe.model!r} fits the profiles {fitting[0].name} and {fitting[1].name} equally well",
            hint="give one of them a higher priority or a narrower match",
        )
    return fitting[0] if fitting else None


def device_model_slug(probe: DeviceProbe) -> str:
    """The device model as the name of a folder, for example ``raspberry-pi-5-model-b-rev-1-0``. Never empty.

    A stand-in is a model of its own: what wins on it must never be taken for the answer of the real one.
    """
    plain = _plain(probe.model) or _plain(f"unknown {probe.machine}")
    return _plain(f"{STAND_IN} {plain}") if STAND_IN in (probe.virtual or "") else plain


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:SLUG_LENGTH].strip("-")
