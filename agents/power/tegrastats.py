"""tegrastats of Jetson boards: one line per interval with rails, temperatures and loads.

Format by JetPack: NVIDIA Jetson Linux Developer Guide, "tegrastats utility". 4 gives ``NAME mW/mW`` (now/average)
without a unit, on Xavier with ``CPU`` and ``GPU`` for a load, a temperature and a rail; 5 and later ``NAME 12mW/12mW``
after a date, early ones with capital zones; 7 may give ``cpu@39.8C/41C`` (now/peak) and ``NAME 1mW/1mW/1mW``
(now/average/peak). The values for now come first in all of them.
"""

import re
from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

from agents.ask import has_tool
from agents.power import Absent, Channel, Foreign, Meter
from agents.power.ina3221 import UNWIRED, plausible_w, scope_of
from agents.power.lines import Lines
from agents.sensors import CONSTANT_ZONES, plain_name

# Three lines between two readings of the sampler, so that each reading finds a fresh one.
_INTERVAL_MS = 100
_SHORTEST_INTERVAL_S = 0.3
# No line within this: it hangs, and its last line is no reading of now.
_STALE_S = 1.0
_FIRST_LINE_S = 3.0

# A rail is a name and its values, with mW at each or at none; loads are written with @, %, [ or MB and fit neither.
_RAIL = re.compile(r"(?<!\S)([A-Z][A-Z0-9_]*) (?:(-?\d+)mW(?:/-?\d+mW){0,2}|(-?\d+)/-?\d+)(?!\S)")
_ZONE = re.compile(r"(?<!\S)([A-Za-z][A-Za-z0-9_]*)@(-?\d+(?:\.\d+)?)C(?:/-?\d+(?:\.\d+)?C?)?(?!\S)")
_CPU = re.compile(r"(\d+)%(?:@\d+)?")
_BEGIN = re.compile(r"(?:\d{2}-\d{2}-\d{4} \d{2}:\d{2}:\d{2} )?RAM \d+/\d+MB ")
_CPUS = re.compile(r"(?<!\S)CPU \[([^\]]*)\](?!\S)")


@dataclass(frozen=True)
class Line:
    """``power_w`` by rail and ``temperature_c`` by zone, both as the board calls them; ``cpu_load`` in 0..1 by core,
    None for one that is off.
    """

    power_w: Dict[str, float]
    temperature_c: Dict[str, float]
    cpu_load: Tuple[Optional[float], ...]


def parse(text: str) -> Line:
    """One whole line. Raises ValueError for a line that is cut or is not tegrastats'."""
    if not _BEGIN.match(text) or "CPU [" not in text:
        raise ValueError(f"not a line of tegrastats: {text[:80]!r}")
    cpus = _CPUS.search(text)
    if cpus is None or not text.endswith("\n"):
        raise ValueError(f"the line of tegrastats is cut: ...{text[-40:]!r}")
    rails = _once([(name, int(mw or plain) / 1e3) for name, mw, plain in _RAIL.findall(text)])
    zones = _once([(name, float(value)) for name, value in _ZONE.findall(text)])
    return Line(
        {name: plausible_w(watts) for name, watts in rails.items() if name not in UNWIRED},
        {name: value for name, value in zones.items() if name not in CONSTANT_ZONES},
        tuple(_load(word) for word in cpus[1].split(",")),
    )


def _once(found: List[Tuple[str, float]]) -> Dict[str, float]:
    values = dict(found)
    if len(values) != len(found):
        raise ValueError(f"tegrastats names one thing twice: {sorted(name for name, _ in found)}")
    return values


def _load(word: str) -> Optional[float]:
    match = _CPU.fullmatch(word)
    if match is None and word != "off":
        raise ValueError(f"a core's load must be like 12%@1420 or off, got {word!r}")
    return int(match[1]) / 100 if match else None


def find(root: str) -> Meter:
    """The rails of tegrastats' first line. Raises Absent."""
    if not has_tool(root, "tegrastats"):
        raise Foreign("no tegrastats on this device")
    lines = Lines(["tegrastats", "--interval", str(_INTERVAL_MS)])
    try:
        first = parse(lines.newest(_FIRST_LINE_S))
    except (OSError, ValueError) as error:
        lines.close()
        raise Absent(f"tegrastats: {error}") from error
    if not first.power_w:
        lines.close()
        raise Absent("tegrastats shows no rails on this board")
    channels = tuple(Channel(_channel(r), "power_w", scope_of(r), "tegrastats") for r in first.power_w)

    def read() -> Dict[str, float]:
        return {_channel(rail): watts for rail, watts in parse(lines.newest(_STALE_S)).power_w.items()}

    return Meter("tegrastats", channels, read, _SHORTEST_INTERVAL_S, close=lines.close)


def _channel(rail: str) -> str:
    return f"tegrastats.{plain_name(rail)}"
