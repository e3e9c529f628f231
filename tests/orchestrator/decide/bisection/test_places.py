"""What an OS build did to every device that got it."""

from dataclasses import replace

import pytest

from orchestrator.decide.bisection.places import place_evidence
from orchestrator.domain.night_series import Axes, Night, Series, SeriesKey

KEY = SeriesKey("one", "kws", "onnxruntime", "CPU", "onnx:fp32", "flat-out", "service_p50_ms")


def nights(levels: list[float], builds: list[str | None]) -> tuple[Night, ...]:
    return tuple(
        Night(f"2026-11-{day:02d}", (level, level * 1.01), "a", Axes(os_build=build))
        for day, (level, build) in enumerate(zip(levels, builds, strict=True), start=1)
    )


def test_each_device_that_got_the_build_says_what_it_did() -> None:
    slower = Series(KEY, nights([2.0, 2.02, 2.2, 2.22, 2.2], ["12", "12", "13", None, "13"]))
    same = Series(replace(KEY, device="two"), nights([3.0, 3.03, 3.0], ["12", "13", "13"]))
    never = Series(replace(KEY, device="three"), nights([1.0, 1.0], ["12", "12"]))
    one, two = place_evidence([slower, same, never], "os_build")
    assert (one.device, one.before, one.after, one.at) == ("one", "12", "13", "2026-11-03")
    assert one.ratio.value == pytest.approx(1.095, rel=0.01)
    assert (two.device, two.at) == ("two", "2026-11-02")
    assert two.ratio.value == pytest.approx(1.005, rel=0.01)
    # One night before the change has no spread.
    assert two.ratio.low is None
