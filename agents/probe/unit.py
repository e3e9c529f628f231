"""Which one of its kind a device is: two boards of one model are not the same device."""

import hashlib
from typing import Mapping, Optional

from agents import sysfs

# The board's own number first, then that of the installed system (machine-id(5)), which a new image changes.
_SERIALS = ("sys/firmware/devicetree/base/serial-number", "proc/device-tree/serial-number")
_PROPERTIES = ("ro.serialno", "ro.boot.serialno")
_MACHINE_ID = "etc/machine-id"
_DIGITS = 12


def unit(root: str, properties: Mapping[str, str]) -> Optional[str]:
    """12 hex digits that are the same for the same device, and do not tell its serial number; None where none is told.

    What only root may read is not looked at: a device would be another one for another user.
    """
    for text in (
        *(sysfs.read_text(root, path) for path in _SERIALS),
        *(properties.get(name) for name in _PROPERTIES),
        sysfs.read_text(root, _MACHINE_ID),
    ):
        if text and text.strip("0") and text != "uninitialized":
            return hashlib.sha256(f"earshot unit {text}".encode()).hexdigest()[:_DIGITS]
    return None
