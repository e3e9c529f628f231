"""Battery, and what Android does to a phone that nobody touches: doze, power save, killed children."""

from agents.doctor.android import DEFAULT_PHANTOM_LIMIT, FIRST_WITH_PHANTOM_LIMIT, PHANTOM_SETTING, TERMUX
from agents.doctor.facts import AndroidFacts, DoctorFacts
from orchestrator.measure.doctor.finding import ADB_SHELL, HARM, INFO, OK, WARN, Change, Finding, unknown

# Android offers power save at 20 % and many makers lower clocks by themselves from 15 % on.
_LOW_PERCENT = 20.0
_NOT_SAID = "Android does not say"
# stay_on_while_plugged_in: AC, USB, wireless (android.os.BatteryManager); dock is 8.
_ANY_PLUG = "7"


def rules(facts: DoctorFacts, *, termux: bool) -> list[Finding]:
    """``termux``: the agent runs in Termux, whose wake lock and battery exemption then matter."""
    findings = [charging(facts), battery(facts)]
    phone = facts.android
    if phone is None:
        return findings
    absent = facts.absent
    findings += [screen(phone, absent), doze(phone, absent), power_save(phone, absent), phantom(phone, absent)]
    if termux:
        findings += [wake_lock(phone, absent), exemption(phone, absent)]
    return findings


def battery_percent(facts: DoctorFacts) -> float | None:
    said = facts.android.battery_percent if facts.android else None
    return facts.state.battery_percent if said is None else said


def is_charging(facts: DoctorFacts) -> bool | None:
    said = facts.android.charging if facts.android else None
    return facts.state.charging if said is None else said


def _has_none(facts: DoctorFacts) -> bool:
    """Where power supplies can be seen and no battery is among them."""
    seen = not {"battery", "charging"} & set(facts.absent)
    return seen and facts.android is None and facts.state.charging is None and facts.state.battery_percent is None


def charging(facts: DoctorFacts) -> Finding:
    plugged = is_charging(facts)
    if plugged is None and _has_none(facts):
        return Finding("charging", OK, "no battery on this device")
    if plugged is None:
        return unknown("charging", facts.absent.get("charging", "the battery does not say"))
    if plugged:
        why = "charging heats the device, and hides from the battery's gauge what a session draws"
        return Finding("charging", INFO, "charging", why, advice="unplug it where power is measured by the battery")
    if facts.android is None:
        why = "on battery the firmware may hold clocks down"
        return Finding("charging", WARN, "runs on battery", why, advice="plug it in")
    return Finding("charging", OK, "discharging")


def battery(facts: DoctorFacts) -> Finding:
    percent = battery_percent(facts)
    if percent is None:
        if _has_none(facts):
            return Finding("battery", OK, "no battery on this device")
        return unknown("battery", facts.absent.get("battery", "the battery does not say"))
    if percent > _LOW_PERCENT:
        return Finding("battery", OK, f"{percent:.0f} %")
    why = "power save begins about here, and voltage limits hold peak clocks down"
    return Finding("battery", WARN, f"{percent:.0f} %", why, advice=f"charge it above {_LOW_PERCENT:.0f} %")


def screen(phone: AndroidFacts, absent: dict[str, str]) -> Finding:
    if phone.screen_on is None:
        return unknown("screen", absent.get("screen", _NOT_SAID))
    if phone.screen_on:
        stays = phone.stay_on not in (None, 0)
        return Finding("screen", OK, "on" + (", and stays on while plugged in" if stays else ""))
    fix = [_shell(("input", "keyevent", "KEYCODE_WAKEUP"), ("input", "keyevent", "KEYCODE_SLEEP"))]
    if phone.stay_on is not None:
        fix.append(_setting("stay_on_while_plugged_in", _ANY_PLUG, str(phone.stay_on)))
    why = "many phones move apps to the small cores while the screen is off, and doze begins"
    return Finding("screen", WARN, "off", why, tuple(fix))


def doze(phone: AndroidFacts, absent: dict[str, str]) -> Finding:
    if phone.doze is None:
        return unknown("doze", absent.get("doze", _NOT_SAID))
    disable = (_shell(("dumpsys", "deviceidle", "disable"), ("dumpsys", "deviceidle", "enable")),)
    if phone.doze:
        why = "doze ignores wake locks and cuts the network off: sessions stall"
        return Finding("doze", HARM, "the phone is dozing", why, disable)
    if phone.doze_enabled:
        why = "it begins once the phone lies still with its screen off"
        return Finding("doze", INFO, "awake; doze may begin", why, disable)
    seen = (
        "awake, and doze is switched off" if phone.doze_enabled is False else "awake; whether doze may begin is hidden"
    )
    return Finding("doze", OK if phone.doze_enabled is False else INFO, seen)


def power_save(phone: AndroidFacts, absent: dict[str, str]) -> Finding:
    if phone.power_save is None:
        return unknown("power-save", absent.get("power-save", _NOT_SAID))
    if not phone.power_save:
        return Finding("power-save", OK, "off")
    why = "battery saver lowers clocks and moves apps to the small cores"
    return Finding("power-save", HARM, "on", why, (_setting("low_power", "0", "1"),))


def phantom(phone: AndroidFacts, absent: dict[str, str]) -> Finding:
    """The phantom process limit: a session has three processes, a shell and sshd some more, other apps theirs."""
    if phone.release < FIRST_WITH_PHANTOM_LIMIT:
        return Finding("phantom-processes", OK, f"Android {phone.release} has no limit")
    if phone.phantom_monitor is None:
        return unknown("phantom-processes", absent.get("phantom-processes", _NOT_SAID))
    limit = DEFAULT_PHANTOM_LIMIT if phone.phantom_limit is None else phone.phantom_limit
    if not phone.phantom_monitor:
        return Finding("phantom-processes", OK, "children of apps are not counted")
    if limit > 1000:
        return Finding("phantom-processes", OK, f"limit {limit}")
    why = "Android kills children of apps beyond it, and busy ones in the background: a session may end by SIGKILL"
    fix = (_setting(PHANTOM_SETTING, "false", None),)
    return Finding("phantom-processes", WARN, f"limit {limit} over all apps", why, fix)


def wake_lock(phone: AndroidFacts, absent: dict[str, str]) -> Finding:
    if phone.wake_lock is None:
        return unknown("wake-lock", absent.get("wake-lock", _NOT_SAID))
    if phone.wake_lock:
        return Finding("wake-lock", OK, "Termux holds one")
    why = "without one the CPU sleeps as soon as the screen is off, in the middle of a session"
    fix = (Change(("termux-wake-lock",), ("termux-wake-unlock",)),)
    return Finding("wake-lock", HARM, "Termux holds none", why, fix)


def exemption(phone: AndroidFacts, absent: dict[str, str]) -> Finding:
    if phone.exempt is None:
        return unknown("battery-exemption", absent.get("battery-exemption", _NOT_SAID))
    if phone.exempt:
        return Finding("battery-exemption", OK, "Termux is not battery-optimized")
    argv = ("dumpsys", "deviceidle", "whitelist")
    fix = (_shell((*argv, f"+{TERMUX}"), (*argv, f"-{TERMUX}")),)
    return Finding("battery-exemption", WARN, "Termux is battery-optimized", "Android may stop it at any time", fix)


def _shell(argv: tuple[str, ...], undo_argv: tuple[str, ...]) -> Change:
    return Change(argv, undo_argv, through=ADB_SHELL)


def _setting(name: str, value: str, before: str | None) -> Change:
    """``before`` None: it was not set."""
    settings = ("settings", "put", "global", name, value)
    undo = ("settings", "put", "global", name, before) if before else ("settings", "delete", "global", name)
    return _shell(settings, undo)
