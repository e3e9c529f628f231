"""The Raspberry Pi 5's power chip, through ``vcgencmd pmic_read_adc``: volts and amperes of its output rails.

It measures no input current: the sum of its rails leaves out what hangs on the 5 V input directly (USB, HATs, the
regulators' own loss). Format: lines like ``VDD_CORE_A current(7)=0.94657990A``; the indices are in no order.
"""

import re
import shutil
import subprocess
from typing import Dict

from agents.power import Absent, Channel, Meter

_LINE = re.compile(r"\s*(?P<rail>\w+)_(?P<kind>[AV])\s+(?:current|volt)\(\d+\)=(?P<value>-?[0-9.]+)(?P<unit>[AV])\s*")
_ARGV = ["vcgencmd", "pmic_read_adc"]
# Each reading starts a process of several ms.
_SHORTEST_INTERVAL_S = 0.5
SUM = "pmic.sum-of-rails"


def parse(text: str) -> Dict[str, float]:
    """Power in W per rail that has both a voltage and a current, and their sum. Raises ValueError without a rail."""
    values: Dict[str, Dict[str, float]] = {"A": {}, "V": {}}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match and match["kind"] == match["unit"]:
            values[match["kind"]][match["rail"]] = float(match["value"])
    power_w = {f"pmic.{r}": amperes * values["V"][r] for r, amperes in values["A"].items() if r in values["V"]}
    if not power_w:
        raise ValueError(f"pmic_read_adc gave no rail with volts and amperes: {text[:200]!r}")
    return {**power_w, SUM: sum(power_w.values())}


def find(root: str) -> Meter:
    """Raises Absent where there is no vcgencmd, or it knows no pmic_read_adc (models before the Pi 5)."""
    if root != "/" or shutil.which(_ARGV[0]) is None:
        raise Absent("no vcgencmd on this device")
    try:
        first = _read()
    except (OSError, ValueError) as error:
        raise Absent(f"vcgencmd pmic_read_adc gave no rails (only a Raspberry Pi 5 has them): {error}") from error
    channels = tuple(Channel(name, "power_w", "soc" if name == SUM else "rail") for name in first)
    return Meter("pmic", channels, _read, _SHORTEST_INTERVAL_S)


def _read() -> Dict[str, float]:
    try:
        answer = subprocess.run(_ARGV, capture_output=True, text=True, timeout=2, check=True, stdin=subprocess.DEVNULL)
    except subprocess.SubprocessError as error:
        raise OSError(str(error)) from error
    return parse(answer.stdout)
