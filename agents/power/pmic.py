"""The Raspberry Pi 5's power chip, through ``vcgencmd pmic_read_adc``: volts and amperes of its output rails.

It measures no input current: the sum of its rails leaves out what hangs on the 5 V input directly (USB, HATs, the
regulators' own loss). Format: lines like ``VDD_CORE_A current(7)=0.94657990A``; the indices are in no order.
"""

import re
from typing import Dict

from agents.ask import ask, has_tool
from agents.power import Absent, Channel, Foreign, Meter

_LINE = re.compile(r"\s*(?P<rail>\w+)_(?P<kind>[AV])\s+(?:current|volt)\(\d+\)=(?P<value>[0-9]+\.[0-9]+)(?P<unit>[AV])")
_ARGV = ["vcgencmd", "pmic_read_adc"]
# Each reading starts a process of several ms.
_SHORTEST_INTERVAL_S = 0.5
# The official supply gives 5 A at 5 V; no rail of the board carries more volts or amperes than this.
_MOST = {"A": 20.0, "V": 6.0}
SUM = "pmic.sum-of-rails"


def parse(text: str) -> Dict[str, float]:
    """Power in W per rail that has both a voltage and a current, and their sum.

    Raises ValueError for any line that is not understood, and for a current without its voltage: a sum that lacks a
    rail would be a wrong number. A voltage alone (EXT5V, BATT) is no rail.
    """
    values: Dict[str, Dict[str, float]] = {"A": {}, "V": {}}
    for line in filter(str.strip, text.splitlines()):
        match = _LINE.fullmatch(line.rstrip())
        if match is None or match["kind"] != match["unit"] or match["rail"] in values[match["kind"]]:
            raise ValueError(f"pmic_read_adc gave no rail with volts and amperes in {line.strip()[:80]!r}")
        if float(match["value"]) > _MOST[match["unit"]]:
            raise ValueError(f"pmic_read_adc must stay below {_MOST[match['unit']]:g}: {line.strip()!r}")
        values[match["kind"]][match["rail"]] = float(match["value"])
    alone = sorted(set(values["A"]) - set(values["V"]))
    if alone or not values["A"]:
        raise ValueError(f"pmic_read_adc gave no rail with volts and amperes, no volts for {alone}")
    power_w = {f"pmic.{rail}": amperes * values["V"][rail] for rail, amperes in values["A"].items()}
    return {**power_w, SUM: sum(power_w.values())}


def find(root: str) -> Meter:
    """Raises Absent where there is no vcgencmd, or it knows no pmic_read_adc (models before the Pi 5)."""
    if not has_tool(root, _ARGV[0]):
        raise Foreign("no vcgencmd on this device")
    try:
        first = parse(ask(_ARGV))
    except (OSError, ValueError) as error:
        raise Absent(f"vcgencmd pmic_read_adc gave no rails (only a Raspberry Pi 5 has them): {error}") from error
    channels = tuple(Channel(name, "power_w", "soc" if name == SUM else "rail", " ".join(_ARGV)) for name in first)
    return Meter("pmic", channels, lambda: same_rails(parse(ask(_ARGV)), first), _SHORTEST_INTERVAL_S)


def same_rails(now: Dict[str, float], first: Dict[str, float]) -> Dict[str, float]:
    """``now``. Raises ValueError where rails are missing that the first reading had: the sum would be of fewer."""
    if set(now) != set(first):
        raise ValueError(f"pmic_read_adc lacks {', '.join(sorted(set(first) - set(now))) or 'nothing'} this time")
    return now
