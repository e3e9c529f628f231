"""The Raspberry Pi's firmware, asked by vcgencmd: its own temperature and the clock that the Arm cores really have.

``scaling_cur_freq`` is what Linux asked for: the firmware throttles behind its back, and only measure_clock shows it.
Formats: raspberrypi.com documentation, "vcgencmd".
"""

import re
from typing import Dict

from agents.ask import ask, has_tool
from agents.power import Absent, Channel, Foreign, Meter

TEMPERATURE, CLOCK = "vcgencmd.temp", "vcgencmd.arm"
# Two processes of several ms for each reading.
_SHORTEST_INTERVAL_S = 0.5
# Documented bits of get_throttled: 0-3 now, 16-19 the same since boot.
_BITS = {0: "under-voltage", 1: "frequency capped", 2: "throttled", 3: "soft temperature limit"}
_ALL_BITS = sum(1 << bit | 1 << (bit + 16) for bit in _BITS)


def parse_temp(text: str) -> float:
    """Degrees C of ``temp=39.2'C``. Raises ValueError."""
    match = re.fullmatch(r"temp=(-?\d+(?:\.\d+)?)'C", text.strip())
    if match is None or not -50 <= float(match[1]) <= 150:
        raise ValueError(f"measure_temp must answer temp=39.2'C, got {text[:80]!r}")
    return float(match[1])


def parse_clock(text: str) -> float:
    """Hz of ``frequency(48)=1500000000``; the index differs by model. Raises ValueError, also for 0 (unknown clock)."""
    match = re.fullmatch(r"frequency\(\d+\)=(\d+)", text.strip())
    if match is None or not 1e6 <= int(match[1]) <= 1e10:
        raise ValueError(f"measure_clock must answer frequency(48)=1500000000, got {text[:80]!r}")
    return float(match[1])


def parse_get_throttled(text: str) -> int:
    """The bits of ``throttled=0x50005``. Raises ValueError, also for bits that no firmware has."""
    match = re.fullmatch(r"throttled=0x([0-9a-fA-F]+)", text.strip())
    if match is None:
        raise ValueError(f"get_throttled must answer throttled=0x..., got {text[:80]!r}")
    bits = int(match[1], 16)
    if bits & ~_ALL_BITS:
        raise ValueError(f"get_throttled has the bits 0-3 and 16-19 (0x{_ALL_BITS:x}), got {bits:#x}")
    return bits


def explain(bits: int) -> str:
    """For example ``throttled=0x50000: since boot: under-voltage, throttled``."""
    now = [name for bit, name in _BITS.items() if bits >> bit & 1]
    before = [name for bit, name in _BITS.items() if bits >> (bit + 16) & 1]
    parts = [f"{when}: {', '.join(names)}" for when, names in (("now", now), ("since boot", before)) if names]
    return f"vcgencmd get_throttled={bits:#x}: " + ("; ".join(parts) or "nothing now, nothing since boot")


def find(root: str) -> Meter:
    """Raises Absent."""
    if not has_tool(root, "vcgencmd"):
        raise Foreign("no vcgencmd on this device")
    try:
        read()
    except (OSError, ValueError) as error:
        raise Absent(f"vcgencmd does not answer (is the user in the group video?): {error}") from error
    channels = (
        Channel(TEMPERATURE, "temperature_c", "soc", "vcgencmd measure_temp"),
        Channel(CLOCK, "frequency_hz", "cpu", "vcgencmd measure_clock arm"),
    )
    return Meter("vcgencmd", channels, read, _SHORTEST_INTERVAL_S)


def read() -> Dict[str, float]:
    """Temperature and clock now. Raises OSError or ValueError."""
    temperature_c = parse_temp(ask(["vcgencmd", "measure_temp"]))
    return {TEMPERATURE: temperature_c, CLOCK: parse_clock(ask(["vcgencmd", "measure_clock", "arm"]))}
