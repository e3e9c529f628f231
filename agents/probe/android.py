"""What Android says about itself: system properties, which makers fill in differently.

Names and meaning: source.android.com "Add system properties" and frameworks/base Build.java (``ro.soc.*`` exist since
Android 12; the model of a partition stands in where ``ro.product.model`` cannot be read).
"""

import os
import re
import shutil
import subprocess
from typing import Dict, Mapping, Optional, Sequence

# Termux has getprop in its own folder; elsewhere on Android it is here whatever PATH says.
_GETPROP = "/system/bin/getprop"
_PARTITIONS = ("", "product.", "vendor.", "odm.", "system.", "system_ext.")


def parse_getprop(text: str) -> Dict[str, str]:
    """``[ro.product.model]: [moto g75 5G]`` lines as a dict."""
    return dict(re.findall(r"^\[([^\]]+)\]: \[(.*)\]\r?$", text, re.MULTILINE))


def properties() -> Dict[str, str]:
    """getprop's answer; empty where this is not Android."""
    command = shutil.which("getprop") or (_GETPROP if os.path.exists(_GETPROP) else None)
    if command is None:
        return {}
    try:
        answer = subprocess.run(
            [command], capture_output=True, text=True, errors="replace", timeout=5, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    return parse_getprop(answer.stdout)


def model(found: Mapping[str, str]) -> Optional[str]:
    """What the maker calls the phone, such as ``SM-S911B`` or ``Pixel 8``."""
    return _first(found, [f"ro.product.{partition}model" for partition in _PARTITIONS])


def manufacturer(found: Mapping[str, str]) -> Optional[str]:
    return _first(found, [f"ro.product.{partition}manufacturer" for partition in _PARTITIONS])


def soc(found: Mapping[str, str]) -> Optional[str]:
    """``QTI SM8650``, ``Samsung s5e9945``, ``Google Tensor G3``; before Android 12 the platform's name, ``kona``."""
    if found.get("ro.soc.model"):
        return f"{found.get('ro.soc.manufacturer', '')} {found['ro.soc.model']}".strip()
    return _first(found, ["ro.hardware.chipname", "ro.chipname", "ro.mediatek.platform", "ro.board.platform"])


def build(found: Mapping[str, str]) -> Optional[str]:
    """The build's fingerprint: it changes with every update, and drivers change with it."""
    return _first(found, ["ro.build.fingerprint", "ro.system.build.fingerprint", "ro.build.display.id"])


def _first(found: Mapping[str, str], names: Sequence[str]) -> Optional[str]:
    return next((found[name].strip() for name in names if found.get(name, "").strip()), None)
