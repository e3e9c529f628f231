"""Thermal zones and cooling devices in /sys/class/thermal (Linux Documentation/driver-api/thermal/sysfs-api.rst)."""

from orchestrator.measure.standin.rootfs import File

_FOLDER = "/sys/class/thermal"


def zones(celsius: dict[str, float]) -> dict[str, File]:
    """A zone per name, in this order."""
    files: dict[str, File] = {}
    for number, (name, value) in enumerate(celsius.items()):
        files[f"{_FOLDER}/thermal_zone{number}/type"] = File(f"{name}\n")
        files[zone(number)] = File(millidegrees(value))
    return files


def zone(number: int) -> str:
    """The file with the temperature of a zone."""
    return f"{_FOLDER}/thermal_zone{number}/temp"


def millidegrees(celsius: float) -> str:
    return f"{round(celsius * 1000)}\n"


def cooling(number: int, kind: str, *, levels: int, level: int = 0) -> dict[str, File]:
    folder = f"{_FOLDER}/cooling_device{number}"
    values = {"type": kind, "max_state": levels, "cur_state": level}
    return {f"{folder}/{name}": File(f"{value}\n") for name, value in values.items()}
