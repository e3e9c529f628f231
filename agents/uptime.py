"""When something was last heard of, told so that nobody who sets the time of day can move it."""

import time
from dataclasses import dataclass

# linux/Documentation/admin-guide/sysctl/kernel.rst: random/boot_id is drawn anew at each start.
_BOOT_ID = "/proc/sys/kernel/random/boot_id"


@dataclass(frozen=True)
class Moment:
    """``uptime_s`` is CLOCK_BOOTTIME, which runs on while the machine sleeps. ``boot_id`` is empty where the system
    does not tell it. ``utc_s`` is the time of day, for people.
    """

    boot_id: str
    uptime_s: float
    utc_s: float


def now() -> Moment:
    """This moment on this machine."""
    try:
        with open(_BOOT_ID, encoding="ascii") as file:
            boot_id = file.read().strip()
    except OSError:
        boot_id = ""
    return Moment(boot_id, time.clock_gettime(time.CLOCK_BOOTTIME), time.time())


def same_boot(then: Moment, at: Moment) -> bool:
    """True where the machine has not been started anew between the two; which of them was first does not matter."""
    if then.boot_id or at.boot_id:
        return then.boot_id == at.boot_id
    return then.uptime_s <= at.uptime_s


def age_s(then: Moment, at: Moment) -> float:
    """Seconds from ``then`` to ``at``; across a restart, those since the restart: a board without a battery-backed
    clock knows no better, and too young only makes somebody wait.
    """
    return at.uptime_s - then.uptime_s if same_boot(then, at) else at.uptime_s
