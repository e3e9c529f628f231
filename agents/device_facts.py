"""What a device is and how it is doing: the answer to ``agent probe``, and the state before and after a session."""

from dataclasses import dataclass, field
from typing import Dict, Optional, Tuple

PROTOCOL = 1
# How the reason of a provider begins that this build of its runtime was made without.
NOT_IN_BUILD = "not in this build"
# Units of a battery's current met in the field: uA as the kernel asks, mA.
AMPERES_PER_UNIT = {"uA": 1e-6, "mA": 1e-3}


@dataclass(frozen=True)
class BusyProcess:
    """A process other than the agent's; ``cores``: CPU time over wall time."""

    pid: int
    name: str
    cores: float


@dataclass(frozen=True)
class DeviceState:
    """What changes on a device from one minute to the next, read before and after a session. None = cannot be read.

    ``throttled``: True where a (latched) flag says so, False where one says not. ``background_cpu_share``: CPU time of
    everything but the session, as a share of all cores, over ``background_window_s``. ``power_mode`` is
    what Jetson's nvpmodel says; ``clocks_locked``: every core's lowest allowed frequency is its highest one.
    ``max_frequency_hz``: the highest that each cpufreq policy allows now, in their order. ``busiest``: who used most
    CPU while a session streamed, as far as this user may see processes. ``screen_on``, ``doze`` (deep or light) and
    ``power_save`` are Android's, which tells them to the adb shell only.
    """

    frequency_hz: Tuple[int, ...] = ()
    governor: Optional[str] = None
    temperature_c: Dict[str, float] = field(default_factory=dict)
    throttled: Optional[bool] = None
    throttled_source: str = "no throttle flag on this device"
    load_average_1m: Optional[float] = None
    background_cpu_share: Optional[float] = None
    background_window_s: float = 0.0
    memory_available_bytes: Optional[int] = None
    disk_free_bytes: Optional[int] = None
    charging: Optional[bool] = None
    power_mode: Optional[str] = None
    clocks_locked: Optional[bool] = None
    battery_percent: Optional[float] = None
    screen_on: Optional[bool] = None
    doze: Optional[bool] = None
    power_save: Optional[bool] = None
    max_frequency_hz: Tuple[int, ...] = ()
    busiest: Tuple[BusyProcess, ...] = ()
    wall_clock_utc_s: float = 0.0
    monotonic_ns: int = 0


@dataclass(frozen=True)
class Cooled:
    """The wait before a session. ``outcome`` is one of ``agents.cooling``: reached, still (it cools no further),
    timed-out. ``baseline_c``: the idle device at the study's start; ``before_c`` and ``after_c`` the wait.
    """

    waited_s: float
    outcome: str
    baseline_c: Dict[str, float]
    before_c: Dict[str, float]
    after_c: Dict[str, float]


@dataclass(frozen=True)
class Core:
    """One CPU core. ``cluster`` groups cores with the same part and top frequency, slowest cluster 0: by ``capacity``
    (the kernel's own measure, 1024 for the fastest), then by frequency.

    ``part``: implementer/part as in 0x41/0xd0b, or the x86 model's name; ``name``: what the maker calls the part.
    """

    cpu: int
    cluster: int
    part: str
    max_hz: Optional[int]
    name: Optional[str] = None
    capacity: Optional[int] = None


@dataclass(frozen=True)
class SensorCalibration:
    """A power sensor against a better meter: reference W = ``slope`` * sensor W + ``offset_w``, found ``at_utc``.

    ``residual_w``: standard deviation of what the line leaves. ``from_w`` and ``to_w``: what the sensor showed then.
    """

    slope: float
    offset_w: float
    residual_w: float
    from_w: float
    to_w: float
    reference: str
    at_utc: str

    def __post_init__(self) -> None:
        if not self.slope > 0:
            raise ValueError(f"slope must be > 0, got {self.slope}")


@dataclass(frozen=True)
class SensorProbe:
    """A sensor that can be read beside a session, or the reason why not.

    ``scope``: soc, board, battery, package, rail, cpu, socket. ``source``: the file, tool or meter that it comes from.
    ``shortest_interval_s``: it is not read more often; 0 where nothing limits it. ``calibrated``: compared with a
    better meter, and ``calibration`` how where Earshot did it. ``charging``: what the battery said when the sensor was
    found. ``averaged``: a reading is the mean since the one before.
    """

    name: str
    quantity: str
    usable: bool
    scope: Optional[str] = None
    reason: Optional[str] = None
    source: Optional[str] = None
    shortest_interval_s: Optional[float] = None
    calibrated: Optional[bool] = None
    charging: Optional[bool] = None
    averaged: Optional[bool] = None
    calibration: Optional[SensorCalibration] = None


@dataclass(frozen=True)
class SensorReading:
    """What a sensor said at ``t_ns`` of the device's monotonic clock. ``value`` None: nothing, and ``reason`` why."""

    name: str
    quantity: str
    t_ns: int
    value: Optional[float] = None
    reason: Optional[str] = None


@dataclass(frozen=True)
class Gauge:
    """``sign`` turns a raw reading into a discharge (+1 or -1); ``unit`` is uA or mA."""

    sign: int
    unit: str

    def __post_init__(self) -> None:
        if self.sign not in (1, -1) or self.unit not in AMPERES_PER_UNIT:
            raise ValueError(f"a gauge is a sign (1, -1) and a unit ({', '.join(AMPERES_PER_UNIT)}), got {self}")

    def discharge_a(self, raw: float) -> float:
        """Amperes out of the battery; negative while it is charged."""
        return self.sign * raw * AMPERES_PER_UNIT[self.unit]


@dataclass(frozen=True)
class ProviderProbe:
    """An execution provider of a runtime on this device, or the reason why it cannot be used.

    ``emulated``: what computes in place of its hardware, where that is so.
    """

    name: str
    usable: bool
    reason: Optional[str] = None
    emulated: Optional[str] = None


@dataclass(frozen=True)
class RuntimeProbe:
    """A runtime on this device, probed in a process of its own, or the reason why it cannot be used."""

    name: str
    usable: bool
    version: Optional[str] = None
    build: Optional[str] = None
    providers: Tuple[ProviderProbe, ...] = ()
    reason: Optional[str] = None


@dataclass(frozen=True)
class DeviceProbe:
    """What ``agent probe`` prints: facts that stay until someone changes the device, and its state now.

    ``model`` is what the maker calls it (device tree, DMI or getprop), else the CPU's name. ``context`` is how the
    agent was reached: local, ssh, adb-shell, termux. ``compatible``: the device tree's names, most specific first;
    ``revision``: a Raspberry Pi's revision code; ``build``: Android's fingerprint of the system's build. ``unit``: the
    same for the same device (agents/probe/unit.py); ``drivers``: name -> version.
    """

    model: str
    soc: Optional[str]
    machine: str
    cores: Tuple[Core, ...]
    memory_bytes: Optional[int]
    os: str
    kernel: str
    python: str
    numpy: Optional[str]
    libc: Optional[str]
    context: str
    runtimes: Tuple[RuntimeProbe, ...]
    sensors: Tuple[SensorProbe, ...]
    state: DeviceState
    virtual: Optional[str] = None
    protocol: int = PROTOCOL
    manufacturer: Optional[str] = None
    compatible: Tuple[str, ...] = ()
    revision: Optional[str] = None
    build: Optional[str] = None
    unit: Optional[str] = None
    drivers: Dict[str, str] = field(default_factory=dict)
