"""One device of one night is what the script says it is."""

from datetime import UTC, datetime

import numpy as np
import pytest

from orchestrator.domain.session_verdict import INVALID, VALID, judge
from orchestrator.domain.study import Study
from tests.month.devices import CHUNKS, DeviceOfNight, artifact_of, candidate_of
from tests.month.script import COMMITS, DIGITS, FP32, HOT, MEDIAN_MS, SIZE_BYTES, UNITS, Unit

STUDY = Study("s", DIGITS, "d", "2026-11-01T22:00:00+00:00")
BEGINS = datetime(2026, 11, 1, 22, tzinfo=UTC)
ARTIFACT = artifact_of(DIGITS, FP32, COMMITS[0], SIZE_BYTES[DIGITS, FP32])


def unit(name: str) -> Unit:
    return next(unit for unit in UNITS if unit.name == name)


def service_ms(name: str, night: int, commit: str) -> float:
    device = DeviceOfNight(unit(name), night, BEGINS)
    found = device.session(STUDY, candidate_of(ARTIFACT), commit, 0)
    times = found.arrays["t_ns"]
    assert len(times) == CHUNKS
    return float(np.median(times[:, -1] - times[:, 1])) / 1e6


def test_a_commit_costs_what_the_script_says() -> None:
    before, after = (service_ms("orin-a", 3, commit) for commit in COMMITS[:2])
    assert after / before == pytest.approx(1.07, rel=0.01)
    assert before == pytest.approx(MEDIAN_MS[DIGITS, FP32], rel=0.06)


def test_dust_slows_one_board_only() -> None:
    assert service_ms("pi5-b", 20, COMMITS[0]) / service_ms("pi5-b", 2, COMMITS[0]) > 1.05
    assert service_ms("pi5-a", 20, COMMITS[0]) / service_ms("pi5-a", 2, COMMITS[0]) < 1.05


def test_phones_throttle_in_the_hot_week_and_what_they_say_then_does_not_count() -> None:
    kinds = {}
    for night in (2, HOT[0]):
        device = DeviceOfNight(unit("pixel-8-a"), night, BEGINS)
        found = [device.session(STUDY, candidate_of(ARTIFACT), COMMITS[0], block, "flat-out") for block in range(12)]
        kinds[night] = {judge(session, 16_000).kind for session in found}
    assert kinds[2] == {VALID}
    assert kinds[HOT[0]] != {VALID}
    assert kinds[HOT[0]] <= {VALID, INVALID, "suspect"}
