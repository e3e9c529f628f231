"""Energy counters of x86 packages (RAPL) in /sys/class/powercap; uJ that wrap at ``max_energy_range_uj``.

Format: Linux Documentation/power/powercap/powercap.rst. Since CVE-2020-8694 only root may read them.
"""

import os
import time
from typing import Callable, Dict, List, Optional

from agents import sysfs
from agents.power import Absent, Channel, Foreign, Meter

_SCOPES = {"psys": "board", "package": "package"}
# No package draws more (the largest server parts: 500 W): a wrap that means more was a reset.
_MOST_W = 2000.0


class Counter:
    """One domain: joules since the first reading, with the counter's wraps undone.

    The wraps between two readings cannot be seen if there is more than one; at 100 W a package wraps in about 40 min.
    A counter that was set back is told from one that wrapped by the power that the wrap would mean, and says nothing
    any more: what it counted before is lost.
    """

    def __init__(self, range_uj: int, now_s: Callable[[], float] = time.monotonic) -> None:
        self._range_uj, self._now_s = range_uj, now_s
        self._last_uj: Optional[int] = None
        self._last_s = 0.0
        self._sum_uj = 0
        self._lost = False

    def advance(self, energy_uj: int) -> float:
        """Take the counter's value, return J since the first one. Raises ValueError beyond its range, or set back."""
        if not 0 <= energy_uj <= self._range_uj:
            raise ValueError(f"energy_uj must be in 0..{self._range_uj}, got {energy_uj}")
        now_s = self._now_s()
        if self._last_uj is not None:
            # The register itself counts to the range and then starts at 0 (powercap.rst).
            step_uj = energy_uj - self._last_uj + (self._range_uj if energy_uj < self._last_uj else 0)
            self._lost = self._lost or step_uj / 1e6 > _MOST_W * max(now_s - self._last_s, 0.001)
            self._sum_uj += step_uj
        if self._lost:
            raise ValueError(f"energy_uj jumped from {self._last_uj} to {energy_uj}: the counter was set back")
        self._last_uj, self._last_s = energy_uj, now_s
        return self._sum_uj / 1e6


def find(root: str) -> Meter:
    """All readable domains. Raises Absent."""
    counters: Dict[str, Counter] = {}
    files: Dict[str, str] = {}
    failures: List[str] = []
    for zone in sysfs.paths(root, "sys/class/powercap/intel-rapl:*"):
        label, range_uj = sysfs.read_text(zone, "name"), sysfs.read_int(zone, "max_energy_range_uj")
        path = os.path.join(zone, "energy_uj")
        if label is None or range_uj is None:
            continue
        name = "rapl." + os.path.basename(zone).split(":", 1)[1].replace(":", "-") + "." + label
        try:
            sysfs.read_number(path)
        except PermissionError as error:
            failures.append(f"{name} may only be read by root: {error}")
        except (OSError, ValueError) as error:
            failures.append(f"{name} cannot be read: {error}")
        else:
            counters[name], files[name] = Counter(range_uj), path
    if not counters and failures:
        raise Absent("; ".join(failures))
    if not counters:
        raise Foreign("no intel-rapl in /sys/class/powercap")

    def read() -> Dict[str, float]:
        values = {}
        for name, path in files.items():
            try:
                values[name] = counters[name].advance(int(sysfs.read_text(path, "") or ""))
            except ValueError:
                continue  # One domain's gap is not the others'.
        return values

    channels = tuple(
        Channel(n, "energy_j", _SCOPES.get(n.rsplit(".", 1)[1].split("-")[0], "rail"), "RAPL powercap")
        for n in counters
    )
    return Meter("rapl", channels, read)
