"""Android's thermal service: only what the HAL says now."""

import pytest

from agents.thermal import thermalservice
from agents.throttle import throttled_by
from tests.agents.sensor_texts import on_real_outputs, sample_of, text_of

TEXT = text_of("dumpsys_thermalservice.txt")


def test_live_temperatures_only_and_no_limits_in_milliamperes() -> None:
    thermal = thermalservice.parse(TEXT)
    assert thermal.temperature_c == {"BIG": 41.5, "VIRTUAL-SKIN": 38.25, "battery": 30.0}
    assert thermal.status == 2
    assert thermal.cpu_cooling == {"thermal-cpufreq-0": 0, "thermal-cpufreq-6": 3}


def test_status_and_held_back_cores_are_throttling() -> None:
    assert throttled_by(thermalservice.parse(TEXT)) == (
        True,
        "thermalservice status 2 (moderate); thermal-cpufreq-6 at 3",
    )
    cool = TEXT.replace("Status: 2", "Status: 0").replace("mValue=3, mType=2", "mValue=0, mType=2")
    assert throttled_by(thermalservice.parse(cool)) == (False, "thermalservice status 0 (none)")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Can't find service: thermalservice\n",
        TEXT.replace("Thermal Status: 2", "Thermal Status: 9"),
        TEXT.replace("Thermal Status: 2\n", ""),
        TEXT[: TEXT.index("Current temperatures")],
        TEXT[: TEXT.index("mName=battery, mS")],
        TEXT.replace("mValue=38.25, mType=3", "mType=3"),
    ],
    ids=["empty", "no service", "status", "no status", "cached only", "cut", "no value"],
)
def test_what_is_not_whole_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        thermalservice.parse(text)


@pytest.mark.parametrize("value", ["41500.0", "NaN", "-300.0"])
def test_a_value_that_is_no_temperature_is_a_gap(value: str) -> None:
    mutated = TEXT.replace("mValue=41.5", f"mValue={value}")
    assert set(thermalservice.parse(mutated).temperature_c) == {"VIRTUAL-SKIN", "battery"}


@on_real_outputs("dumpsys_thermalservice_*.txt")
def test_real_outputs(name: str) -> None:
    thermal = thermalservice.parse(sample_of(name))
    assert thermal.status == 0
    # The stale list says 61 and 48.3 degrees for these two.
    assert {"BIG": 26.000002, "cpu0-gold-usr": 33.800003}.items() & thermal.temperature_c.items()
    assert max(thermal.temperature_c.values()) < 45
    assert not throttled_by(thermal)[0]
