"""What Android's framework does to a phone that measures: screen, doze, power save, wake locks, phantom processes.

Formats: AOSP PowerManagerService.dump, DeviceIdleController.dump, BatteryService.dump, and the ``settings`` and
``device_config`` commands. Only the adb shell (and root) may ask: an app, and so Termux, is told "Permission Denial".
"""

import re
from typing import Callable, Dict, Optional, Tuple

from agents.doctor.facts import AndroidFacts

Ask = Callable[[Tuple[str, ...]], str]
"""Runs a command of the phone and returns its stdout. Raises OSError."""

TERMUX = "com.termux"
PHANTOM_SETTING = "settings_enable_monitor_phantom_procs"
# Android 12 brought the limit, 32 children of all apps together; ActivityManagerConstants.
FIRST_WITH_PHANTOM_LIMIT, DEFAULT_PHANTOM_LIMIT = 12, 32
# The checks whose reasons ``read`` gives.
CHECKS = (
    "screen",
    "doze",
    "wake-lock",
    "battery-exemption",
    "battery",
    "charging",
    "phantom-processes",
    "power-save",
)
_DENIED = ("Permission Denial", "SecurityException", "Can't find service", "Failure calling service")


def read(ask: Ask, release: int, absent: Dict[str, str]) -> AndroidFacts:
    """Everything that this user may know; for the rest the reason is in ``absent``, by check."""
    power = _asked(ask, ("dumpsys", "power"), absent, "screen", "doze", "wake-lock")
    idle = _asked(ask, ("dumpsys", "deviceidle"), absent, "battery-exemption")
    battery = _asked(ask, ("dumpsys", "battery"), absent, "battery", "charging")
    monitor = phantom_limit = None
    if release >= FIRST_WITH_PHANTOM_LIMIT:
        monitor = _asked(ask, ("settings", "get", "global", PHANTOM_SETTING), absent, "phantom-processes")
        phantom_limit = _asked(ask, ("device_config", "get", "activity_manager", "max_phantom_processes"), {})
    save = _asked(ask, ("settings", "get", "global", "low_power"), absent, "power-save")
    stay_on = _asked(ask, ("settings", "get", "global", "stay_on_while_plugged_in"), {})
    percent, charging = parse_battery(battery) if battery else (None, None)
    return AndroidFacts(
        release=release,
        screen_on=parse_screen_on(power) if power else None,
        doze=parse_doze(power) if power else None,
        doze_enabled=parse_doze_enabled(idle) if idle else None,
        power_save=None if save is None else save == "1",
        stay_on=int(stay_on) if stay_on and stay_on.isdigit() else None,
        wake_lock=holds_wake_lock(power, "termux") if power else None,
        exempt=is_exempt(idle, TERMUX) if idle else None,
        phantom_monitor=None if monitor is None else monitor != "false",
        phantom_limit=int(phantom_limit) if phantom_limit and phantom_limit.isdigit() else None,
        battery_percent=percent,
        charging=charging,
    )


def read_brief(ask: Ask) -> AndroidFacts:
    """Screen, doze, power save and battery only: two questions, before and after each session."""
    power = _asked(ask, ("dumpsys", "power"), {})
    save = _asked(ask, ("settings", "get", "global", "low_power"), {})
    return AndroidFacts(
        release=0,
        screen_on=parse_screen_on(power) if power else None,
        doze=parse_doze(power) if power else None,
        power_save=None if save is None else save == "1",
        battery_percent=parse_battery_level(power) if power else None,
    )


def _asked(ask: Ask, argv: Tuple[str, ...], absent: Dict[str, str], *checks: str) -> Optional[str]:
    """The answer without blanks around it; None, and the reason for each of ``checks``, where it was refused."""
    try:
        text = ask(argv).strip()
        if not text or any(sign in text[:400] for sign in _DENIED):
            raise OSError(text.splitlines()[0][:200] if text else "it said nothing")
    except OSError as error:
        absent.update({check: f"{' '.join(argv)}: {error}: only the adb shell may ask" for check in checks})
        return None
    return text


def parse_screen_on(power: str) -> Optional[bool]:
    """``mWakefulness=Awake`` (or Dreaming: the screen saver); Asleep and Dozing are off."""
    match = re.search(r"^\s*mWakefulness=(\w+)", power, re.MULTILINE)
    return None if match is None else match[1] in ("Awake", "Dreaming")


def parse_doze(power: str) -> Optional[bool]:
    """True in deep or light doze: ``mDeviceIdleMode`` or ``mLightDeviceIdleMode``."""
    modes = re.findall(r"^\s*m(?:Light)?DeviceIdleMode=(true|false)", power, re.MULTILINE)
    return "true" in modes if modes else None


def parse_battery_level(power: str) -> Optional[float]:
    """Percent: ``mBatteryLevel=71``."""
    match = re.search(r"^\s*mBatteryLevel=(\d+)$", power, re.MULTILINE)
    return None if match is None else float(match[1])


def parse_doze_enabled(deviceidle: str) -> Optional[bool]:
    """``mDeepEnabled`` and ``mLightEnabled``; ``mEnabled`` before Android 7."""
    flags = re.findall(r"\bm(?:Deep|Light)?Enabled=(true|false)", deviceidle)
    return "true" in flags if flags else None


def holds_wake_lock(power: str, tag: str) -> Optional[bool]:
    """Whether an enabled partial wake lock whose name begins with ``tag`` is held now."""
    section = re.search(r"^Wake Locks: size=\d+\n((?:[ \t]+.*\n?)*)", power, re.MULTILINE)
    if section is None:
        return None
    held = [line for line in section[1].splitlines() if "PARTIAL_WAKE_LOCK" in line and "DISABLED" not in line]
    return any(re.search(rf"'{re.escape(tag)}", line) for line in held)


def is_exempt(deviceidle: str, package: str) -> Optional[bool]:
    """Whether the user has taken the app off battery optimization: ``Whitelist user apps:``."""
    if "Whitelist" not in deviceidle:
        return None
    section = re.search(r"^  Whitelist user apps:\n((?:    .*\n?)*)", deviceidle, re.MULTILINE)
    return section is not None and package in section[1].split()


def parse_battery(battery: str) -> Tuple[Optional[float], Optional[bool]]:
    """(percent, charging) of ``dumpsys battery``; a full battery on its charger counts as charging."""
    fields: Dict[str, str] = {}
    for line in battery.splitlines():
        name, found, value = line.partition(":")
        if found:
            fields.setdefault(name.strip(), value.strip())
    level, scale = fields.get("level", ""), fields.get("scale", "100")
    percent = 100.0 * int(level) / int(scale) if level.isdigit() and scale.isdigit() and int(scale) else None
    powered = [value == "true" for name, value in fields.items() if name.endswith(" powered")]
    return percent, any(powered) if powered else None


def parse_release(text: str) -> Optional[int]:
    """The whole part of ro.build.version.release: 12 of ``12`` and of ``12.0``; None for a preview's letter."""
    match = re.match(r"\d+", text)
    return int(match[0]) if match else None
