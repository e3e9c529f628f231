"""What ``agent doctor`` prints. ``absent``: name of a check -> why it could not be read."""

from dataclasses import dataclass, field
from typing import Dict, Optional, Tuple

from agents.device_facts import BusyProcess, DeviceState


@dataclass(frozen=True)
class FrequencyPolicy:
    """One cpufreq policy; ``path`` is its folder. ``min_hz`` and ``max_hz`` are the limits set now."""

    name: str
    path: str
    governor: Optional[str]
    governors: Tuple[str, ...]
    min_hz: Optional[int]
    max_hz: Optional[int]
    hardware_min_hz: Optional[int]
    hardware_max_hz: Optional[int]


@dataclass(frozen=True)
class CpuAccess:
    """What of the CPU this process may have. ``quota_cores``: cgroup limit in cores, None where there is none."""

    online: int
    offline: str
    allowed: int
    quota_cores: Optional[float]
    isolated: str
    irq_mask: Optional[str]


@dataclass(frozen=True)
class Irq:
    """An interrupt with its handlers. ``cpus``: who may serve it, as the kernel writes it, in the file ``path``."""

    number: int
    path: str
    cpus: str
    handlers: Tuple[str, ...]


@dataclass(frozen=True)
class Zone:
    """A thermal zone and the lowest trip point that acts on it, by kind: passive, hot, critical."""

    name: str
    temperature_c: float
    limit_c: Optional[float] = None
    limit: str = ""


@dataclass(frozen=True)
class SwapUse:
    """``pages_per_s``: pages that went to or came from swap while the doctor looked."""

    total_bytes: int
    used_bytes: int
    pages_per_s: Optional[float]


@dataclass(frozen=True)
class ClockFacts:
    """Wake-up error: how much later than asked a sleep of 1 ms ended. ``step_s``: wall clock against the monotonic one
    over ``window_s``. ``begin_wall_s`` and ``end_wall_s``: wall clock when the doctor began and ended.
    """

    wake_error_median_ns: int
    wake_error_worst_ns: int
    timer_slack_ns: Optional[int]
    backward_steps: int
    step_s: float
    window_s: float
    begin_wall_s: float
    end_wall_s: float


@dataclass(frozen=True)
class AndroidFacts:
    """What the framework says. ``stay_on``: value of stay_on_while_plugged_in. ``phantom_monitor``: Android 12 and
    later kill children of apps beyond ``phantom_limit`` while it is on. ``wake_lock`` and ``exempt`` are Termux's.
    """

    release: int
    screen_on: Optional[bool] = None
    doze: Optional[bool] = None
    doze_enabled: Optional[bool] = None
    power_save: Optional[bool] = None
    stay_on: Optional[int] = None
    wake_lock: Optional[bool] = None
    exempt: Optional[bool] = None
    phantom_monitor: Optional[bool] = None
    phantom_limit: Optional[int] = None
    battery_percent: Optional[float] = None
    charging: Optional[bool] = None


@dataclass(frozen=True)
class JetsonFacts:
    """``mode`` of nvpmodel, and ``mode_number``; whether jetson_clocks has locked the clocks of all cores, and that of
    the GPU.
    """

    mode: Optional[str] = None
    cpu_locked: Optional[bool] = None
    gpu_locked: Optional[bool] = None
    mode_number: Optional[int] = None


@dataclass(frozen=True)
class DoctorFacts:
    """One look at the device. ``irq_balancer``: the program that moves interrupts here, where one runs."""

    uid: int
    policies: Tuple[FrequencyPolicy, ...]
    cpu: CpuAccess
    zones: Tuple[Zone, ...]
    busy: Tuple[BusyProcess, ...]
    swap: Optional[SwapUse]
    clock: ClockFacts
    state: DeviceState
    android: Optional[AndroidFacts] = None
    jetson: Optional[JetsonFacts] = None
    irqs: Tuple[Irq, ...] = ()
    irq_balancer: Optional[str] = None
    absent: Dict[str, str] = field(default_factory=dict)
