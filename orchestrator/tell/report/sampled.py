"""What the agent's sampler and the lab's meter read beside the chunks, from the arrays of a session.

The sampler's arrays are called ``sample_<quantity>_<unit>__<sensor>``, their times ``sample_t_ns``: see
``agents/sampler.py``. Those of a meter are ``meter.<channel>.<quantity>_<unit>``, their times ``meter.<channel>.t_ns``:
see ``workflows/metering.py``.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.domain.session import Session
from orchestrator.tell.report.chart import Float64


@dataclass(frozen=True)
class _Quantity:
    """``expected``: the page says why there is none. ``factor`` leads from the array's unit to ``unit``."""

    title: str
    unit: str
    factor: float
    expected: bool = False


_QUANTITIES = {
    "temperature_c": _Quantity("Temperature", "°C", 1.0, expected=True),
    "rss_bytes": _Quantity("Resident memory of the agent", "MB", 1e-6, expected=True),
    "memory_available_bytes": _Quantity("Memory available", "MB", 1e-6),
    "frequency_hz": _Quantity("Core frequency", "MHz", 1e-6),
    "power_w": _Quantity("Power", "W", 1.0, expected=True),
}
_NAME = re.compile(r"sample_(?P<quantity>.+?)(__(?P<sensor>.+))?")
_METER_NAME = re.compile(r"(?P<sensor>meter\..+)\.(?P<quantity>[a-z_]+)")
_NOT_SAMPLED = "the sampler read none in this session"


@dataclass(frozen=True)
class Sampled:
    """One sensor's readings in the unit they are shown in; a failed one is NaN, so that a gap stays one.

    ``source`` names the sensor and, where the device has several of this quantity, says that it is the highest.
    """

    quantity: str
    title: str
    unit: str
    source: str
    t_ns: NDArray[np.int64]
    values: Float64


def sampled_series(session: Session) -> tuple[list[Sampled], dict[str, str]]:
    """(One series per quantity that was read, reason by title of each expected quantity that was not)."""
    series: list[Sampled] = []
    absent: dict[str, str] = {}
    for quantity, shown in _QUANTITIES.items():
        found = _read(session, quantity, shown)
        if found is not None:
            series.append(found)
        elif shown.expected:
            absent[shown.title] = _reason(session, quantity)
    return series, absent


def _read(session: Session, quantity: str, shown: _Quantity) -> Sampled | None:
    """The sensor with the highest reading: the hottest zone, the fastest cluster."""
    sensors: list[tuple[str, NDArray[np.int64], Float64]] = []
    for name, array in session.arrays.items():
        match = _NAME.fullmatch(name) or _METER_NAME.fullmatch(name)
        if match is None or match["quantity"] != quantity:
            continue
        times = session.times_of(match["sensor"] or "", len(array))
        if times is None:
            continue
        values = np.asarray(array, dtype=np.float64)
        if np.isfinite(values).any():
            sensors.append((match["sensor"] or "the sampler", times, values * shown.factor))
    if not sensors:
        return None
    sensor, t_ns, values = max(sensors, key=lambda s: float(np.nanmax(s[2])))
    source = sensor if len(sensors) == 1 else f"{sensor}, the highest of {len(sensors)} sensors"
    return Sampled(quantity, shown.title, shown.unit, source, t_ns, values)


def _reason(session: Session, quantity: str) -> str:
    """The agent's own reasons: of this quantity, else of the whole sampler; power meters go by their own names."""
    given = session.result.sensors_absent
    own = [reason for name, reason in given.items() if name.split(".")[0] in (quantity, "sampler")]
    if not own and quantity == "power_w":
        own = [f"{name}: {reason}" for name, reason in given.items() if not name.startswith(tuple(_QUANTITIES))]
    return "; ".join(dict.fromkeys(own)) or _NOT_SAMPLED
