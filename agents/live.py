"""All sensors of this device, opened: what each one is, and what it says now."""

import math
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from agents import jetson, power, sensors
from agents.device_facts import SensorProbe, SensorReading
from agents.strict_json import to_json
from agents.throttle import read_throttled


class LiveSensors:
    """``probes``: every sensor that can be read, then every one that cannot, with the reason. ``close`` when done."""

    def __init__(self, root: str, store_root: Optional[str] = None) -> None:
        temperatures, absent = sensors.temperatures(root)
        clocks, no_clocks = sensors.frequencies(root)
        self._meters, no_meters = power.find_meters(root, store_root)
        self._plain = temperatures + clocks
        self._absent: Dict[str, str] = {**absent, **no_clocks, **no_meters}
        self.probes = tuple(self._usable() + self._unusable())

    def _usable(self) -> List[SensorProbe]:
        plain = [
            SensorProbe(s.name, s.quantity, True, s.scope, source=s.source, shortest_interval_s=0.0, calibrated=False)
            for s in self._plain
        ]
        return plain + [
            SensorProbe(
                name=channel.name,
                quantity=channel.quantity,
                usable=True,
                scope=channel.scope,
                source=channel.source,
                shortest_interval_s=meter.shortest_interval_s,
                calibrated=channel.calibrated,
                charging=meter.charging,
            )
            for meter in self._meters
            for channel in meter.channels
        ]

    def _unusable(self) -> List[SensorProbe]:
        return [SensorProbe(n, n.split(".")[0], False, None, reason) for n, reason in sorted(self._absent.items())]

    def read(self) -> Tuple[SensorReading, ...]:
        """One reading of each that can be read; one that fails now has its reason."""
        readings = [_reading(s.name, s.quantity, s.read) for s in self._plain]
        for meter in self._meters:
            readings += _of_meter(meter)
        return tuple(readings)

    def close(self) -> None:
        for meter in self._meters:
            meter.close()


def _reading(name: str, quantity: str, read: Callable[[], float]) -> SensorReading:
    try:
        value = read()
    except (OSError, ValueError) as error:
        return SensorReading(name, quantity, time.monotonic_ns(), None, str(error))
    return SensorReading(name, quantity, time.monotonic_ns(), *_finite(value))


def _of_meter(meter: power.Meter) -> List[SensorReading]:
    reason = "gave no value this time"
    try:
        values = meter.read()
    except (OSError, ValueError) as error:
        values, reason = {}, str(error)
    now_ns = time.monotonic_ns()
    return [
        SensorReading(c.name, c.quantity, now_ns, *_finite(values[c.name]))
        if c.name in values
        else SensorReading(c.name, c.quantity, now_ns, None, reason)
        for c in meter.channels
    ]


def _finite(value: float) -> Tuple[Optional[float], Optional[str]]:
    return (value, None) if math.isfinite(value) else (None, f"said {value}")


def print_readings(
    root: str, store_root: Optional[str], every_s: float, count: int, write: Callable[[Any], None]
) -> None:
    """Hand over ``{"sensors": [...], "facts": {...}}``, then ``count`` times ``{"readings": [...], "t_ns": now}``.

    A count of 0: until nobody reads any more.
    """
    live = LiveSensors(root, store_root)
    try:
        write({"sensors": to_json(live.probes), "facts": _facts(root)})
        done = 0
        while True:
            readings = to_json(live.read())
            write({"readings": readings, "t_ns": time.monotonic_ns()})
            done += 1
            if done == count:
                return
            time.sleep(every_s)
    finally:
        live.close()


def _facts(root: str) -> Dict[str, Optional[str]]:
    """What holds for all readings: throttling, power mode, locked clocks."""
    throttled, source = read_throttled(root)
    clocks = jetson.clocks(root)
    return {
        "throttled": f"{_word(throttled)}: {source}",
        "power mode": jetson.power_mode(root),
        "CPU clocks locked": _word(clocks.cpu_locked) if clocks else None,
        "GPU clocks locked": _word(clocks.gpu_locked) if clocks else None,
    }


def _word(told: Optional[bool]) -> str:
    return {True: "yes", False: "no", None: "not told"}[told]
