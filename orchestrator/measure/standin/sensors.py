"""What the sensors of a stand-in can be told to show while it runs."""

from collections.abc import Callable

from orchestrator.errors import BadInput
from orchestrator.measure.standin.kinds import jetson, phone, pi, thermal
from orchestrator.measure.standin.kinds.tools import SAYS

# From what was asked for to the files of the board that show it. Raises ValueError.
Shows = Callable[[str], dict[str, str]]


def _celsius(text: str) -> float:
    value = float(text)
    if not -40 <= value <= 150:
        raise ValueError(f"must be in -40..150, got {text}")
    return value


def _pi_temperature(text: str) -> dict[str, str]:
    celsius = _celsius(text)
    return {thermal.zone(0): thermal.millidegrees(celsius), f"{SAYS}/vcgencmd/measure_temp": pi.temperature(celsius)}


def _pi_throttled(text: str) -> dict[str, str]:
    """Bits as vcgencmd shows them, such as 0x50000 for under-voltage and throttling since boot."""
    return {f"{SAYS}/vcgencmd/get_throttled": pi.throttled(int(text, 0))}


def _pi_core_current(text: str) -> dict[str, str]:
    return {f"{SAYS}/vcgencmd/pmic_read_adc": pi.pmic_read_adc(float(text))}


def _jetson_temperature(text: str) -> dict[str, str]:
    celsius = _celsius(text)
    zones = dict.fromkeys(jetson.ZONES, celsius)
    files = {thermal.zone(number): thermal.millidegrees(celsius) for number in range(len(zones))}
    return {**files, f"{SAYS}/tegrastats": jetson.tegrastats(jetson.RAILS, zones)}


def _jetson_input_current(text: str) -> dict[str, str]:
    rails = {**jetson.RAILS, "VDD_IN": (jetson.RAILS["VDD_IN"][0], int(text))}
    files = {path: file.text for path, file in jetson.ina3221(rails).items()}
    return {**files, f"{SAYS}/tegrastats": jetson.tegrastats(rails, jetson.ZONES)}


def _phone_temperature(text: str) -> dict[str, str]:
    celsius = _celsius(text)
    return {thermal.zone(number): thermal.millidegrees(celsius) for number in range(len(phone.ZONES))}


def _phone_status(text: str) -> dict[str, str]:
    """In the kernel's words: Charging, Discharging, Not charging, Full."""
    if text not in phone.STATUSES:
        raise ValueError(f"must be one of {', '.join(phone.STATUSES)}, got {text!r}")
    return {f"{phone.BATTERY}/{name}": value for name, value in phone.battery(status=text).items()}


_PI: dict[str, Shows] = {"temperature_c": _pi_temperature, "throttled": _pi_throttled}
_PHONE: dict[str, Shows] = {"temperature_c": _phone_temperature, "battery": _phone_status}
SENSORS: dict[str, dict[str, Shows]] = {
    "pi5": {**_PI, "core_current_a": _pi_core_current},
    "pi4": _PI,
    "orin-nano": {"temperature_c": _jetson_temperature, "input_current_ma": _jetson_input_current},
    "pixel-8": _PHONE,
    "galaxy-a15": _PHONE,
}


def shown(kind: str, sensor: str, value: str) -> dict[str, str]:
    """Files of the board that make ``sensor`` show ``value``. Raises BadInput."""
    known = SENSORS.get(kind, {})
    if sensor not in known:
        raise BadInput(f"{kind} has no sensor {sensor!r} to set", hint=f"it has {', '.join(known) or 'none'}")
    try:
        return known[sensor](value)
    except ValueError as exc:
        raise BadInput(f"{sensor} of {kind}: {exc}") from exc
