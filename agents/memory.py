"""Memory of this process per phase: its peak, how that is known, and what the device has left beside it.

The peak is VmHWM, reset at the phase's start. Where the kernel refuses that, VmHWM is still the phase's own if it rose
within the phase; else the peak is the greatest of the readings of RSS that somebody took, which is a lower bound.
"""

import math
import os
import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from agents import jetson, sysfs, wire

# "5" resets VmHWM to VmRSS: Documentation/filesystems/proc.rst, clear_refs.
_RESET_PEAK = b"5\n"
# A reset that did nothing leaves more than this between the two, unless it changes nothing to believe in it.
_RESET_SLACK_BYTES = 1 << 20
_OWN = "proc/self"


def parse_status(text: str) -> Dict[str, int]:
    """The kB lines of /proc/<pid>/status in bytes, by name (VmHWM, VmRSS, RssAnon, RssFile, ...)."""
    values = {}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if len(words) == 2 and words[1] == "kB" and words[0].isdigit():
            values[name] = int(words[0]) * 1024
    return values


@dataclass(frozen=True)
class _Mark:
    """Status and MemAvailable at one moment; ``reset``: VmHWM starts anew here."""

    t_ns: int
    status: Dict[str, int]
    available_bytes: Optional[int]
    reset: bool = False


class PhaseMemory:
    """``begin`` a phase, ``end`` it, hand over what was ``sampled`` meanwhile, read ``phases``.

    ``root``: where /proc and /sys lie. ``now_ns``: the session's clock, which is the sampler's too.
    """

    def __init__(self, root: str = "/", now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._root, self._now_ns = root, now_ns
        self._unified = jetson.has_unified_memory(root)
        self._begun = self._mark()
        self._ended: List[Tuple[str, _Mark, _Mark]] = []
        self._arrays: Mapping[str, Sequence[float]] = {}

    def begin(self) -> None:
        """Reset the peak where the kernel permits it: /proc may be read-only, or the file another user's."""
        self._begun = self._mark(reset=self._reset())

    @property
    def rss_bytes(self) -> Optional[int]:
        """At the last ``begin``; None where /proc says nothing."""
        return self._begun.status.get("VmRSS")

    def end(self, phase: str) -> None:
        self._ended.append((phase, self._begun, self._mark()))

    def sampled(self, arrays: Mapping[str, Any]) -> None:
        """The sampler's series by their names in agents/sampler.py, of the whole session."""
        self._arrays = arrays

    @property
    def phases(self) -> Tuple[wire.PhaseMemory, ...]:
        return tuple(self._phase(*ended) for ended in self._ended)

    def _phase(self, name: str, begun: _Mark, ended: _Mark) -> wire.PhaseMemory:
        between = self._read_between(begun, ended, "sample_rss_bytes")
        own = [mark.status["VmRSS"] for mark in (begun, ended) if "VmRSS" in mark.status]
        rss = [*own, *map(int, between)]
        before, peak = begun.status.get("VmHWM"), ended.status.get("VmHWM")
        method, at_most, readings = wire.HWM_RESET, None, None
        if peak is not None and before is not None and not begun.reset and peak > before:
            method = wire.HWM_ROSE
        elif not begun.reset:
            method, at_most, readings, peak = wire.SAMPLED, peak, len(rss), max(rss, default=None)
        return wire.PhaseMemory(
            phase=name,
            peak_bytes=peak,
            rss_anon_bytes=ended.status.get("RssAnon"),
            rss_file_bytes=ended.status.get("RssFile"),
            method=method,
            at_most_bytes=at_most,
            readings=readings,
            available_drop_bytes=self._drop(begun, ended),
        )

    def _drop(self, begun: _Mark, ended: _Mark) -> Optional[int]:
        if begun.available_bytes is None or ended.available_bytes is None:
            return None
        between = self._read_between(begun, ended, "sample_memory_available_bytes")
        return begun.available_bytes - int(min([*between, ended.available_bytes]))

    def _read_between(self, begun: _Mark, ended: _Mark, series: str) -> List[float]:
        times, values = self._arrays.get("sample_t_ns", ()), self._arrays.get(series, ())
        return [v for t, v in zip(times, values) if begun.t_ns <= t <= ended.t_ns and math.isfinite(v)]

    def _mark(self, reset: bool = False) -> _Mark:
        status = parse_status(sysfs.read_text(self._root, f"{_OWN}/status") or "")
        # A sandbox may take the word and do nothing.
        above = status.get("VmHWM", 0) - status.get("VmRSS", 0)
        available = sysfs.meminfo_bytes(self._root).get("MemAvailable") if self._unified else None
        return _Mark(self._now_ns(), status, available, reset and "VmHWM" in status and above <= _RESET_SLACK_BYTES)

    def _reset(self) -> bool:
        try:
            fd = os.open(os.path.join(self._root, _OWN, "clear_refs"), os.O_WRONLY)
        except OSError:
            return False
        try:
            os.write(fd, _RESET_PEAK)
        except OSError:
            return False
        finally:
            os.close(fd)
        return True


def snapshot(root: str = "/", now_ns: Callable[[], int] = time.monotonic_ns) -> Optional[wire.MemorySnapshot]:
    """PSS of this process now: what it shares with others counts in part. None where the kernel does not tell.

    Walks all pages of the process and holds its memory lock meanwhile: never while chunks are timed.
    """
    for name in ("smaps_rollup", "smaps"):
        t_ns, text = now_ns(), sysfs.read_text(root, f"{_OWN}/{name}")
        lines = [line.split() for line in (text or "").splitlines() if line.startswith("Pss:")]
        if lines:
            return wire.MemorySnapshot(sum(int(words[1]) for words in lines) * 1024, t_ns, f"/{_OWN}/{name}")
    return None
