"""The line between a sensor and a better meter: found with its interval, refused where the loads say nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from orchestrator.domain.power_calibration import (
    STALE_DAYS,
    CalibratedPair,
    LoadLevel,
    PowerCalibration,
    calibrate,
)
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.power_calibrations import (
    newest_power_calibrations,
    power_calibrations,
    record_power_calibration,
)
from orchestrator.workflows.calibrated import with_calibrations
from orchestrator.workflows.progress import Silent
from tests.metered import BOARD
from tests.sessions import PROBE

PAIR = CalibratedPair(
    "pi5", "Raspberry Pi 5", BOARD.name, "power_w", "board", "Monsoon", "battery", "2026-01-02T03:04:05+00:00"
)


def levels(
    slope: float, offset_w: float, noise_w: float = 0.0, seed: int = 0, swing_w: float = 6.0
) -> tuple[LoadLevel, ...]:
    rng = np.random.default_rng(seed)
    sensor_w = [2.0 + swing_w * step / 4 for step in (0, 1, 2, 3, 4, 4, 3, 2, 1, 0)]
    return tuple(LoadLevel("busy", w, slope * w + offset_w + rng.normal(0, noise_w), 15.0, 150, 150) for w in sensor_w)


def test_the_line_is_found_and_its_interval_covers() -> None:
    exact = calibrate(PAIR, levels(1.2, 0.3))
    assert (exact.slope, exact.offset_w, exact.residual_w) == pytest.approx((1.2, 0.3, 0.0), abs=1e-9)
    noisy = [calibrate(PAIR, levels(1.2, 0.3, 0.05, seed)) for seed in range(200)]
    covered = np.mean([found.slope_low <= 1.2 <= found.slope_high for found in noisy])
    assert 0.90 <= covered <= 0.99
    assert np.median([found.residual_w for found in noisy]) == pytest.approx(0.05, rel=0.1)


@pytest.mark.parametrize(
    ("points", "said"),
    [
        (levels(1.2, 0.3, 0.2, swing_w=0.3), "too little"),
        (levels(-1.2, 20.0), "is it this device's meter"),
        (levels(1.2, 0.3)[:3], "a line needs 4 points"),
        (levels(1.2, 0.3, swing_w=0.0), "must differ in x"),
    ],
)
def test_loads_that_say_nothing_are_no_calibration(points: tuple[LoadLevel, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        calibrate(PAIR, points)


class Notes(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


def found_days_ago(days: float, slope: float = 1.2) -> PowerCalibration:
    at_utc = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")
    return replace(calibrate(PAIR, levels(slope, 0.3)), at_utc=at_utc)


def test_the_newest_counts_and_a_stale_one_is_warned_about(tmp_path: Path) -> None:
    probe = replace(PROBE, sensors=(BOARD,))
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        notes = Notes()
        assert with_calibrations(probe, ledger, "pi5", "Raspberry Pi 5", notes) is probe
        old, new = found_days_ago(STALE_DAYS + 1, 1.1), found_days_ago(1)
        record_power_calibration(ledger, old)
        (sensor,) = with_calibrations(probe, ledger, "pi5", "Raspberry Pi 5", notes).sensors
        assert sensor.calibration == old.line()
        assert "was calibrated 181 days ago: earshot power calibrate --device pi5" in notes.said[0]
        record_power_calibration(ledger, new)
        (sensor,) = with_calibrations(probe, ledger, "pi5", "Raspberry Pi 5", notes).sensors
        assert sensor.calibrated
        assert sensor.calibration == new.line()
        assert len(notes.said) == 1
        assert power_calibrations(ledger) == [old, new]
        # Another device that has the name now.
        assert newest_power_calibrations(ledger, "pi5", "Raspberry Pi 4") == {}
        assert with_calibrations(probe, None, "pi5", "Raspberry Pi 5", notes) is probe
