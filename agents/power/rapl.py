"""Energy counters of x86 packages (RAPL) in /sys/class/powercap; uJ that wrap at ``max_energy_range_uj``.

Format: Linux Documentation/power/powercap/powercap.rst. Since CVE-2020-8694 only root may read them.
"""

import os
from typing import Dict, List

from agents import sysfs
from agents.power import Absent, Channel, Meter

_SCOPES = {"psys": "board", "package": "package"}


class Counter:
    """One domain: joules since the first reading, with the counter's wraps undone.

    The wraps between two readings cannot be seen if there is more than one; at 100 W a package wraps in about 40 min.
    """

    def __init__(self, range_uj: int) -> None:
        self._range_uj = range_uj
        self._last_uj = -1
        self._sum_uj = 0

    def advance(self, energy_uj: int) -> float:
        """Take the counter's value, return J since the first one. Raises ValueError beyond the counter's range."""
        if not 0 <= energy_uj <= self._range_uj:
            raise ValueError(f"energy_uj must be in 0..{self._range_uj}, got {energy_uj}")
        if self._last_uj >= 0:
            step = energy_uj - self._last_uj
            self._sum_uj += step if step >= 0 else step + self._range_uj
        self._last_uj = energy_uj
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
        except (OSError, ValueError) as error:
            failures.append(f"{name} cannot be read: {error}")
        else:
            counters[name], files[name] = Counter(range_uj), path
    if not counters:
        raise Absent("; ".join(failures) if failures else "no intel-rapl in /sys/class/powercap")

    def read() -> Dict[str, float]:
        return {name: counters[name].advance(int(sysfs.read_number(files[name]))) for name in files}

    channels = tuple(Channel(n, "energy_j", _SCOPES.get(n.rsplit(".", 1)[1].split("-")[0], "rail")) for n in counters)
    return Meter("rapl", channels, read)
