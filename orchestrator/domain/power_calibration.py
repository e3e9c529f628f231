"""A device's own power sensor against a better meter."""

from dataclasses import dataclass
from datetime import UTC, datetime

from agents.device_facts import SensorCalibration
from orchestrator.statistics.line import fit_line

# Shunts and their amplifiers age slowly; what changes is the board: another supply, a new firmware, a hat.
STALE_DAYS = 180
# The loads must move the sensor by so many times what the line leaves, or the slope is noise.
_LEAST_SWING = 10.0


@dataclass(frozen=True)
class LoadLevel:
    """One load: mean W of the sensor and of the reference over the same ``seconds``, and how many readings of each."""

    load: str
    sensor_w: float
    reference_w: float
    seconds: float
    sensor_readings: int
    reference_readings: int


@dataclass(frozen=True)
class PowerCalibration:
    """reference W = slope * sensor W + offset, each with its 95 % interval, over ``levels``.

    ``residual_w``: standard deviation of what the line leaves. ``sensor``: its name on ``device``. ``reference``: what
    the meter is, and ``reference_scope`` what it measures: with another scope the line also holds what
    lies between the two.
    """

    device: str
    device_model: str
    sensor: str
    quantity: str
    scope: str
    reference: str
    reference_scope: str
    at_utc: str
    slope: float
    slope_low: float
    slope_high: float
    offset_w: float
    offset_low_w: float
    offset_high_w: float
    residual_w: float
    levels: tuple[LoadLevel, ...]

    def line(self) -> SensorCalibration:
        seen_w = [level.sensor_w for level in self.levels]
        return SensorCalibration(
            self.slope, self.offset_w, self.residual_w, min(seen_w), max(seen_w), self.reference, self.at_utc
        )

    def age_days(self, now: datetime | None = None) -> float:
        return ((now or datetime.now(UTC)) - datetime.fromisoformat(self.at_utc)).total_seconds() / 86400

    @property
    def stale(self) -> bool:
        return self.age_days() > STALE_DAYS


@dataclass(frozen=True)
class CalibratedPair:
    """Who is compared with whom, before the line is known."""

    device: str
    device_model: str
    sensor: str
    quantity: str
    scope: str
    reference: str
    reference_scope: str
    at_utc: str


def calibrate(pair: CalibratedPair, levels: tuple[LoadLevel, ...]) -> PowerCalibration:
    """Raises ValueError where the loads moved the sensor too little, or it falls while the reference rises."""
    found = fit_line([level.sensor_w for level in levels], [level.reference_w for level in levels])
    seen_w = [level.sensor_w for level in levels]
    swing_w = max(seen_w) - min(seen_w)
    slope, offset = found.slope, found.offset
    assert slope.value is not None
    assert offset.value is not None
    if slope.value <= 0:
        raise ValueError(
            f"{pair.sensor} falls by {-slope.value:.3g} W for each W of {pair.reference}: is it this device's meter?"
        )
    if slope.value * swing_w < _LEAST_SWING * found.residual:
        raise ValueError(
            f"the loads moved {pair.sensor} by {swing_w:.3g} W, and the line leaves {found.residual:.3g} W: too little"
        )
    return PowerCalibration(
        **vars(pair),
        slope=slope.value,
        slope_low=float(slope.low or 0.0),
        slope_high=float(slope.high or 0.0),
        offset_w=offset.value,
        offset_low_w=float(offset.low or 0.0),
        offset_high_w=float(offset.high or 0.0),
        residual_w=found.residual,
        levels=levels,
    )
