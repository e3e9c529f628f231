"""A battery's gauge in three tongues: no number unless it discharges and its unit is known."""

from pathlib import Path

import pytest

from agents.device_facts import Gauge
from agents.power import Absent, battery
from agents.power.battery_text import parse_dumpsys, parse_termux, parse_uevent
from tests.agents.sensor_texts import on_real_outputs, sample_of, text_of
from tests.agents.tree import lay

# Documentation/ABI/testing/sysfs-class-power: uV, uA, uW.
PHONE = """POWER_SUPPLY_NAME=battery
POWER_SUPPLY_STATUS=Discharging
POWER_SUPPLY_CURRENT_NOW=-250000
POWER_SUPPLY_VOLTAGE_NOW=4000000
"""


@pytest.mark.parametrize(
    "text",
    [
        PHONE,
        PHONE.replace("-250000", "250000"),
        PHONE.replace("4000000", "4000"),
        PHONE.replace("POWER_SUPPLY_", ""),
        PHONE + "POWER_SUPPLY_POWER_NOW=1000000\n",
    ],
    ids=["negative", "positive", "mV", "stripped names", "power_now"],
)
def test_power_whatever_the_vendor_does(text: str) -> None:
    assert battery.power_w(parse_uevent(text)) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (PHONE.replace("Discharging", "Charging"), "is 'Charging'"),
        (PHONE.replace("Discharging", "Full"), "is 'Full'"),
        (PHONE.replace("-250000", "-250"), "in uA or mA, which cannot be told"),
        (PHONE.replace("-250000", "0"), "which cannot be told"),
        (PHONE.replace("-250000", "-250000000"), "another unit"),
        (PHONE.replace("-250000", "nan"), "must be a number"),
        (PHONE.replace("-250000", ""), "could not convert"),
        (PHONE.replace("POWER_SUPPLY_VOLTAGE_NOW=4000000\n", ""), "no current and voltage"),
        (PHONE.replace("4000000", "0"), "voltage must be > 0"),
        (PHONE.replace("4000000", "4000000000"), "voltage must be > 0 and plausible"),
        (PHONE + "POWER_SUPPLY_CURRENT_NOW=-300000\n", "no current and voltage"),
        ("", "gives no status"),
    ],
    ids=["charging", "full", "mA", "zero", "nA", "nan", "cut", "no volts", "0 V", "nV", "two currents", "empty"],
)
def test_it_says_nothing_where_it_knows_nothing(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        battery.power_w(parse_uevent(text))


def test_a_known_gauge_settles_unit_and_sign() -> None:
    reading = parse_uevent(PHONE.replace("-250000", "-250"))
    assert battery.power_w(reading, Gauge(-1, "mA")) == pytest.approx(1.0)
    with pytest.raises(ValueError, match=r"is charged by 0\.25 A"):
        battery.power_w(reading, Gauge(1, "mA"))


def test_dumpsys_battery() -> None:
    plain = parse_dumpsys(text_of("dumpsys_battery.txt"))
    assert (plain.status, plain.voltage_v, plain.temperature_c, plain.current_raw) == ("Discharging", 4.0, 27.5, None)
    with pytest.raises(ValueError, match="no current and voltage"):
        battery.power_w(plain)


def test_samsung_adds_keys_repeats_one_and_appends_sections() -> None:
    text = text_of("dumpsys_battery_samsung.txt")
    reading = parse_dumpsys(text)
    assert (reading.current_raw, reading.voltage_v) == (-450.0, 4.0)
    assert battery.power_w(reading, Gauge(-1, "mA")) == pytest.approx(1.8)
    with pytest.raises(ValueError, match="cannot be told"):
        battery.power_w(reading)
    twice = text.replace("  charge counter", "  current now: -9\n  charge counter")
    assert parse_dumpsys(twice).current_raw is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Can't find service: battery\n",
        text_of("dumpsys_battery.txt").replace("status: 3", "status: 9"),
        text_of("dumpsys_battery.txt").replace("  status: 3\n", ""),
        text_of("dumpsys_battery.txt").replace("voltage: 4000", "voltage: 4000000000"),
        text_of("dumpsys_battery.txt")[:60],
    ],
    ids=["empty", "no service", "status", "missing", "unit", "cut"],
)
def test_dumpsys_that_is_not_whole(text: str) -> None:
    with pytest.raises(ValueError):
        parse_dumpsys(text)


def test_termux() -> None:
    reading = parse_termux(text_of("termux_battery_status.json"))
    assert (reading.status, reading.temperature_c) == ("Discharging", 27.5)
    assert battery.power_w(reading) == pytest.approx(2.4)
    older = parse_termux(text_of("termux_battery_status.json").replace('"voltage": 4000,', ""))
    with pytest.raises(ValueError, match="no current and voltage"):
        battery.power_w(older)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"status": 3}', '{"status": "DISCHARGING", "current": NaN}'])
def test_termux_that_is_not_whole(text: str) -> None:
    with pytest.raises(ValueError):
        parse_termux(text)


@on_real_outputs("dumpsys_battery_*.txt")
def test_real_dumpsys(name: str) -> None:
    reading = parse_dumpsys(sample_of(name))
    assert reading.status in ("Charging", "Full")
    assert 3.5 < (reading.voltage_v or 0) < 4.5
    assert 20 < (reading.temperature_c or 0) < 40


@on_real_outputs("android_power_supply_uevent.txt")
def test_real_uevents(name: str) -> None:
    discharging, idle = (parse_uevent(block) for block in sample_of(name).split("\n\n"))
    assert battery.power_w(discharging) == pytest.approx(0.109375 * 3.76375)
    assert (idle.status, idle.current_raw) == ("Not charging", 976)


@on_real_outputs("termux_battery_status.txt")
def test_real_termux(name: str) -> None:
    readings = [parse_termux("{" + block) for block in sample_of(name).split("{")[1:]]
    assert [(r.status, r.current_raw) for r in readings] == [
        ("Charging", -252),
        ("Discharging", -693),
        ("Charging", None),
    ]


def test_it_is_found_by_its_type(tmp_path: Path) -> None:
    files = {
        "sys/class/power_supply/ac/type": "Mains\n",
        "sys/class/power_supply/bms/type": "Battery\n",
        "sys/class/power_supply/bms/uevent": PHONE,
    }
    meter = battery.find(lay(tmp_path, files))
    assert meter.read() == pytest.approx({"battery": 1.0})
    assert (meter.charging, meter.channels[0].source) == (False, "bms/uevent, unit taken for uA")
    (tmp_path / "sys/class/power_supply/bms/uevent").write_text(PHONE.replace("Discharging", "Charging"))
    with pytest.raises(ValueError, match="not discharging"):
        meter.read()
    with pytest.raises(Absent, match="not discharging"):
        battery.find(str(tmp_path))
