"""Waiting until a device is cool: a stand-in thermal zone that cools as a body does, and time that passes at once."""

import json
import math
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from agents import cooling
from agents.cooling import CoolRequest, CoolState, wait
from tests.agents.tree import lay


class Body:
    """A sensor at ``start_c`` in a room of ``room_c`` that loses half the difference every ``half_s``."""

    def __init__(self, start_c: float, room_c: float, half_s: float) -> None:
        self.start_c, self.room_c, self.half_s = start_c, room_c, half_s
        self.now_s = 100.0
        self.told: list[CoolState] = []

    def read(self) -> dict[str, float]:
        passed_s = self.now_s - 100.0
        return {"cpu": self.room_c + (self.start_c - self.room_c) * math.exp2(-passed_s / self.half_s), "board": 30.0}

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def wait(self, request: CoolRequest) -> CoolState:
        return wait(request, self.read, self.told.append, lambda: self.now_s, self.sleep)


BASELINE = {"cpu": 45.0, "board": 30.0}


def test_it_ends_within_the_policy_of_the_baseline() -> None:
    body = Body(start_c=77.0, room_c=45.0, half_s=10.0)
    state = body.wait(CoolRequest(BASELINE, within_c=3.0, at_most_s=300.0))
    assert state.outcome == cooling.REACHED
    # 32 C above: 3 C are left after log2(32/3) half times.
    assert state.waited_s == pytest.approx(10 * math.log2(32 / 3), abs=1.0)
    assert state.temperature_c["cpu"] <= 48.0
    assert body.told[0].temperature_c["cpu"] == 77.0
    assert all(not told.outcome for told in body.told)


def test_it_is_bounded() -> None:
    body = Body(start_c=77.0, room_c=45.0, half_s=100.0)
    state = body.wait(CoolRequest(BASELINE, within_c=3.0, at_most_s=90.0))
    assert state.outcome == cooling.TIMED_OUT
    assert state.waited_s == pytest.approx(90.0)
    assert state.temperature_c["cpu"] > 48.0


def test_a_cool_device_does_not_wait() -> None:
    body = Body(start_c=47.0, room_c=45.0, half_s=10.0)
    state = body.wait(CoolRequest(BASELINE, within_c=3.0, at_most_s=300.0))
    assert (state.outcome, state.waited_s, body.told) == (cooling.REACHED, 0.0, [])


def test_a_device_in_a_warmer_room_is_not_waited_for_to_the_bound() -> None:
    body = Body(start_c=77.0, room_c=52.0, half_s=10.0)
    state = body.wait(CoolRequest(BASELINE, within_c=3.0, at_most_s=3000.0))
    assert state.outcome == cooling.STILL
    assert 60.0 < state.waited_s < 300.0
    assert state.temperature_c["cpu"] == pytest.approx(52.0, abs=0.6)


def test_without_a_sensor_of_the_baseline_there_is_nothing_to_wait_for() -> None:
    body = Body(start_c=77.0, room_c=45.0, half_s=10.0)
    state = body.wait(CoolRequest({"gpu": 40.0}, 3.0, 300.0))
    assert (state.outcome, state.waited_s) == (cooling.NO_SENSOR, 5.0)


def test_a_sensor_that_is_asleep_for_a_moment_does_not_end_the_wait() -> None:
    body = Body(start_c=77.0, room_c=45.0, half_s=10.0)

    def read() -> dict[str, float]:
        return {} if 10 <= body.now_s - 100.0 < 14 else body.read()

    request = CoolRequest(BASELINE, within_c=3.0, at_most_s=300.0)
    assert wait(request, read, body.told.append, lambda: body.now_s, body.sleep).outcome == cooling.REACHED


def test_every_sensor_counts() -> None:
    request = CoolRequest({"cpu": 45.0, "board": 20.0}, within_c=3.0, at_most_s=5.0)
    assert Body(45.0, 45.0, 1.0).wait(request).outcome == cooling.TIMED_OUT


@pytest.mark.parametrize("changes", [{"within_c": 0.0}, {"at_most_s": -1.0}])
def test_a_policy_that_means_nothing_is_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        CoolRequest(BASELINE, **{"within_c": 3.0, "at_most_s": 1.0, **changes})


def test_the_verb_waits_for_a_thermal_zone_and_tells(tmp_path: Path) -> None:
    zone = "sys/class/thermal/thermal_zone0"
    root = lay(tmp_path, {f"{zone}/type": "cpu\n", f"{zone}/temp": "61000\n"})

    def cool() -> None:
        for milli_c in range(60_000, 45_000, -1_000):
            time.sleep(0.2)
            (tmp_path / zone / "temp").write_text(f"{milli_c}\n")

    request = json.dumps({"baseline_c": {"cpu": 46.0}, "within_c": 3.0, "at_most_s": 60.0})
    thread = threading.Thread(target=cool)
    thread.start()
    done = subprocess.run(
        [sys.executable, "-m", "agents", "cool", "--root", root, "--sysroot", root],
        input=request.encode(),
        capture_output=True,
        check=True,
        timeout=120,
    )
    thread.join()
    *told, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert told[0]["temperature_c"]["cpu"] > 49.0
    assert last["outcome"] == cooling.REACHED
    assert last["temperature_c"]["cpu"] <= 49.0
