"""The maker's name of a core from the two numbers that the kernel prints for it.

Sources: Linux arch/arm64/include/asm/cputype.h; Arm's technical reference manuals (MIDR_EL1); util-linux
sys-utils/lscpu-arm.c for Qualcomm's older cores.
"""

from typing import Dict, Optional

_NAMES: Dict[str, Dict[int, str]] = {
    "0x41": {
        0xD03: "Cortex-A53",
        0xD04: "Cortex-A35",
        0xD05: "Cortex-A55",
        0xD07: "Cortex-A57",
        0xD08: "Cortex-A72",
        0xD09: "Cortex-A73",
        0xD0A: "Cortex-A75",
        0xD0B: "Cortex-A76",
        0xD0C: "Neoverse-N1",
        0xD0D: "Cortex-A77",
        0xD0E: "Cortex-A76AE",
        0xD40: "Neoverse-V1",
        0xD41: "Cortex-A78",
        0xD42: "Cortex-A78AE",
        0xD44: "Cortex-X1",
        0xD46: "Cortex-A510",
        0xD47: "Cortex-A710",
        0xD48: "Cortex-X2",
        0xD49: "Neoverse-N2",
        0xD4B: "Cortex-A78C",
        0xD4C: "Cortex-X1C",
        0xD4D: "Cortex-A715",
        0xD4E: "Cortex-X3",
        0xD4F: "Neoverse-V2",
        0xD80: "Cortex-A520",
        0xD81: "Cortex-A720",
        0xD82: "Cortex-X4",
        0xD84: "Neoverse-V3",
        0xD85: "Cortex-X925",
        0xD87: "Cortex-A725",
        0xD8E: "Neoverse-N3",
    },
    "0x4e": {0x003: "Denver 2", 0x004: "Carmel"},
    "0x51": {
        0x001: "Oryon",
        0x800: "Kryo 2xx Gold",
        0x801: "Kryo 2xx Silver",
        0x802: "Kryo 3xx Gold",
        0x803: "Kryo 3xx Silver",
        0x804: "Kryo 4xx Gold",
        0x805: "Kryo 4xx Silver",
    },
    "0x53": {0x002: "Exynos M3", 0x003: "Exynos M4", 0x004: "Exynos M5"},
    "0x61": {0x022: "Icestorm (M1)", 0x023: "Firestorm (M1)"},
}


def core_name(part: str) -> Optional[str]:
    """For example ``Cortex-A76`` for ``0x41/0xd0b``; None where the pair is not known or is a name already."""
    implementer, _, number = part.partition("/")
    try:
        return _NAMES.get(implementer.lower(), {}).get(int(number, 16))
    except ValueError:
        return None
