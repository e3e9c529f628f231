"""All meters of a device, and the reason for each that is not there."""

from pathlib import Path

from agents import power
from tests.agents.power.trees import CHIP, RAPL
from tests.agents.tree import lay


def test_a_device_without_meters_says_why_for_each_of_power(tmp_path: Path) -> None:
    meters, absent = power.find_meters(str(tmp_path))
    assert meters == []
    assert set(absent) == {name for name in power.METERS if name.startswith("power.")}
    assert all(absent.values())


def test_all_meters_at_once(tmp_path: Path) -> None:
    meters, absent = power.find_meters(lay(tmp_path, {**CHIP, **RAPL}))
    assert [m.name for m in meters] == ["ina3221", "rapl"]
    assert set(absent) == {"power.pmic", "power.battery", "power.odpm"}


def test_each_channel_says_where_it_comes_from(tmp_path: Path) -> None:
    meters, _ = power.find_meters(lay(tmp_path, {**CHIP, **RAPL}))
    assert {c.source for m in meters for c in m.channels} == {"ina3221 hwmon", "RAPL powercap"}
    assert not any(c.calibrated for m in meters for c in m.channels)
