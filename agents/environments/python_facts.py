"""What decides which wheels fit this Python."""

import os
import platform
import re
import subprocess
import sys
import sysconfig
from typing import Dict, Tuple

from agents.environments.nouns import PythonFacts


def python_facts(named: str = "") -> PythonFacts:
    """``named``: as the lab file names this Python."""
    named = os.path.expanduser(named)
    wrapped = bool(named) and os.path.realpath(named) != os.path.realpath(sys.executable)
    kind, *numbers = libc()
    return PythonFacts(
        base=base_python(),
        version=sys.version_info[:3],
        implementation=sys.implementation.name,
        soabi=sysconfig.get_config_var("SOABI"),
        machine=platform.machine(),
        # A kernel of 64 bits may have a user land of 32, as Raspberry Pi OS had for years.
        pointer_bits=64 if sys.maxsize > 2**32 else 32,
        system="android" if hasattr(sys, "getandroidapilevel") else sys.platform,
        termux="TERMUX_VERSION" in os.environ,
        libc=str(kind),
        libc_version=tuple(int(n) for n in numbers),
        wrapper=named if wrapped else "",
        markers=_markers(),
    )


def base_python() -> str:
    """This Python, or the one that it was made from where it is a virtual environment."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def libc() -> Tuple[str, int, int]:
    """("glibc", 2, 31) or ("musl", 1, 2); ("unknown", 0, 0) where neither shows."""
    try:
        named = re.match(r"glibc (\d+)\.(\d+)", os.confstr("CS_GNU_LIBC_VERSION") or "")
    except (ValueError, OSError, AttributeError):
        named = None
    if named:
        return "glibc", int(named[1]), int(named[2])
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            loader = re.search(r"(/\S*/ld-musl-\S+)", maps.read())
    except OSError:
        loader = None
    return _musl(loader[1]) if loader else ("unknown", 0, 0)


def _musl(loader: str) -> Tuple[str, int, int]:
    """musl's loader tells its version on stderr when it is run without arguments."""
    said = subprocess.run([loader], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False).stderr
    version = re.search(r"Version (\d+)\.(\d+)", said)
    # 1.1 is what the first wheels for musl (PEP 656) were made for.
    return ("musl", int(version[1]), int(version[2])) if version else ("musl", 1, 1)


def _markers() -> Dict[str, str]:
    return {
        "implementation_name": sys.implementation.name,
        "implementation_version": platform.python_version(),
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "python_version": ".".join(map(str, sys.version_info[:2])),
        "sys_platform": sys.platform,
    }
