"""Memory of a session's process."""

from dataclasses import dataclass
from typing import Optional

# How the peak of a phase is known: see ``PhaseMemory``.
HWM_RESET, HWM_ROSE, SAMPLED = "hwm-reset", "hwm-rose", "sampled"


@dataclass(frozen=True)
class PhaseMemory:
    """Memory of the session's process in a phase (import, load, first-run, steady).

    ``method`` says how ``peak_bytes`` is known. ``hwm-reset``: VmHWM, reset at the phase's start. ``hwm-rose``: VmHWM,
    which could not be reset and rose within the phase, so that it is the phase's own. ``sampled``: neither; the
    greatest of ``readings`` readings of RSS, a lower bound, and the truth is ``at_most_bytes``, the peak since the
    process began. (Ledgers of before have ``hwm-cumulative``: that peak since the process began.) None where /proc says
    nothing. RSS is split as it was at the phase's end.

    ``available_drop_bytes``: how far MemAvailable fell below its value at the phase's start, where CPU and GPU share
    the memory (Jetson); it counts what others do too. None elsewhere.
    """

    phase: str
    peak_bytes: Optional[int]
    rss_anon_bytes: Optional[int]
    rss_file_bytes: Optional[int]
    method: str
    at_most_bytes: Optional[int] = None
    readings: Optional[int] = None
    available_drop_bytes: Optional[int] = None


@dataclass(frozen=True)
class MemorySnapshot:
    """Proportional set size of the session's process at ``t_ns``, read from ``source`` after the stream: no peak."""

    pss_bytes: int
    t_ns: int
    source: str
