"""A Raspberry Pi's revision code: which model, SoC and memory it is.

Source: raspberrypi.com documentation, "Raspberry Pi revision codes" (new-style codes, bit 23 set).
"""

import re
from dataclasses import dataclass
from typing import Optional

_NEW_STYLE = 1 << 23
_TYPES = {
    0x04: "2 Model B",
    0x08: "3 Model B",
    0x09: "Zero",
    0x0A: "Compute Module 3",
    0x0C: "Zero W",
    0x0D: "3 Model B Plus",
    0x0E: "3 Model A Plus",
    0x10: "Compute Module 3 Plus",
    0x11: "4 Model B",
    0x12: "Zero 2 W",
    0x13: "400",
    0x14: "Compute Module 4",
    0x15: "Compute Module 4S",
    0x17: "5 Model B",
    0x18: "Compute Module 5",
    0x19: "500",
    0x1A: "Compute Module 5 Lite",
}
_PROCESSORS = {0: "BCM2835", 1: "BCM2836", 2: "BCM2837", 3: "BCM2711", 4: "BCM2712"}
_SMALLEST_MIB, _LARGEST_MEMORY_CODE = 256, 6


@dataclass(frozen=True)
class Revision:
    """``model`` as the device tree writes it, for example ``Raspberry Pi 5 Model B Rev 1.0``."""

    model: str
    processor: str
    memory_mib: int


def parse_cpuinfo_revision(cpuinfo: str) -> Optional[str]:
    """The code of the ``Revision`` line below the cores; None where there is none.

    The cores' own ``CPU revision`` is another thing.
    """
    found = re.search(r"^Revision\s*:\s*([0-9a-fA-F]{4,8})\s*$", cpuinfo, re.MULTILINE)
    return found.group(1).lower() if found else None


def decode(code: str) -> Optional[Revision]:
    """None for an old-style code (a Pi 1) and for what the table does not know yet."""
    try:
        bits = int(code, 16)
    except ValueError:
        return None
    kind, processor, memory = bits >> 4 & 0xFF, bits >> 12 & 0xF, bits >> 20 & 0x7
    if not bits & _NEW_STYLE or kind not in _TYPES or processor not in _PROCESSORS or memory > _LARGEST_MEMORY_CODE:
        return None
    name = f"Raspberry Pi {_TYPES[kind]} Rev 1.{bits & 0xF}"
    return Revision(name, _PROCESSORS[processor], _SMALLEST_MIB << memory)
