"""Power meters on written trees in the documented formats, with the mutations that real boards have."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import power
from agents.power import Absent, battery, ina3221, pmic, rapl
from tests.agents.tree import lay

# Linux Documentation/hwmon/ina3221.rst: inN_input in mV, currN_input in mA, inN_label from the device tree.
CHIP = {
    "sys/class/hwmon/hwmon3/name": "ina3221\n",
    "sys/class/hwmon/hwmon3/in1_label": "VDD_IN\n",
    "sys/class/hwmon/hwmon3/in1_input": "5000\n",
    "sys/class/hwmon/hwmon3/curr1_input": "1500\n",
    "sys/class/hwmon/hwmon3/in2_label": "VDD_SOC\n",
    "sys/class/hwmon/hwmon3/in2_input": "4990\n",
    "sys/class/hwmon/hwmon3/curr2_input": "300\n",
    "sys/class/hwmon/hwmon3/in3_label": "NC\n",
    "sys/class/hwmon/hwmon0/name": "cpu_thermal\n",
}


def test_ina3221_multiplies_volts_and_amperes_per_rail(tmp_path: Path) -> None:
    meter = ina3221.find(lay(tmp_path, CHIP))
    assert meter.read() == pytest.approx({"ina3221.VDD_IN": 7.5, "ina3221.VDD_SOC": 1.497})
    assert [(c.name, c.quantity, c.scope) for c in meter.channels] == [
        ("ina3221.VDD_IN", "power_w", "board"),
        ("ina3221.VDD_SOC", "power_w", "rail"),
    ]


def test_ina3221_channel_that_fails_alone(tmp_path: Path) -> None:
    # An unwired channel exists and fails to read: here it has no readable number.
    files = {**CHIP, "sys/class/hwmon/hwmon3/in3_label": "SPARE\n", "sys/class/hwmon/hwmon3/in3_input": "\n"}
    meter = ina3221.find(lay(tmp_path, {**files, "sys/class/hwmon/hwmon3/curr3_input": "0\n"}))
    assert set(meter.read()) == {"ina3221.VDD_IN", "ina3221.VDD_SOC"}
    (tmp_path / "sys/class/hwmon/hwmon3/in1_input").unlink()
    assert set(meter.read()) == {"ina3221.VDD_SOC"}


def test_ina3221_without_a_wired_channel(tmp_path: Path) -> None:
    with pytest.raises(Absent, match="no ina3221"):
        ina3221.find(lay(tmp_path, {"sys/class/hwmon/hwmon3/name": "ina3221\n"}))


# Raspberry Pi documentation, vcgencmd pmic_read_adc: NAME_A current(i)=...A and NAME_V volt(i)=...V, in no order.
ADC = """ 3V3_SYS_A current(1)=0.05000000A
  VDD_CORE_A current(7)=2.00000000A
  VDD_CORE_V volt(15)=0.80000000V
   3V3_SYS_V volt(9)=3.30000000V
     EXT5V_V volt(24)=5.10000000V
      BATT_V volt(25)=0.01000000V
"""


def test_pmic_pairs_rails_by_name_and_invents_no_input_power() -> None:
    assert pmic.parse(ADC) == pytest.approx({"pmic.3V3_SYS": 0.165, "pmic.VDD_CORE": 1.6, pmic.SUM: 1.765})


@pytest.mark.parametrize("text", ["", 'error=1 error_msg="Command not registered"\n', "EXT5V_V volt(24)=5.1V\n"])
def test_pmic_without_rails(text: str) -> None:
    with pytest.raises(ValueError, match="no rail"):
        pmic.parse(text)


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
def test_battery_power_whatever_the_vendor_does(text: str) -> None:
    assert battery.parse(text) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (PHONE.replace("Discharging", "Charging"), "is 'Charging'"),
        (PHONE.replace("Discharging", "Full"), "is 'Full'"),
        (PHONE.replace("-250000", "-250"), "in uA or mA, which cannot be told"),
        (PHONE.replace("-250000", "0"), "which cannot be told"),
        (PHONE.replace("POWER_SUPPLY_VOLTAGE_NOW=4000000\n", ""), "no current_now and voltage_now"),
        (PHONE.replace("4000000", "0"), "voltage_now must be > 0"),
        ("", "is None"),
    ],
)
def test_battery_says_nothing_where_it_knows_nothing(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        battery.parse(text)


def test_battery_is_found_by_its_type(tmp_path: Path) -> None:
    files = {
        "sys/class/power_supply/ac/type": "Mains\n",
        "sys/class/power_supply/bms/type": "Battery\n",
        "sys/class/power_supply/bms/uevent": PHONE,
    }
    meter = battery.find(lay(tmp_path, files))
    assert meter.read() == pytest.approx({"battery": 1.0})
    (tmp_path / "sys/class/power_supply/bms/uevent").write_text(PHONE.replace("Discharging", "Charging"))
    with pytest.raises(ValueError, match="not discharging"):
        meter.read()
    with pytest.raises(Absent, match="not discharging"):
        battery.find(str(tmp_path))


# Documentation/power/powercap/powercap.rst.
RAPL = {
    "sys/class/powercap/intel-rapl:0/name": "package-0\n",
    "sys/class/powercap/intel-rapl:0/energy_uj": "900000\n",
    "sys/class/powercap/intel-rapl:0/max_energy_range_uj": "1000000\n",
    "sys/class/powercap/intel-rapl:0:0/name": "core\n",
    "sys/class/powercap/intel-rapl:0:0/energy_uj": "5\n",
    "sys/class/powercap/intel-rapl:0:0/max_energy_range_uj": "1000000\n",
    "sys/class/powercap/intel-rapl:0:1/name": "dram\n",
}


def test_rapl_counts_across_a_wrap(tmp_path: Path) -> None:
    meter = rapl.find(lay(tmp_path, RAPL))
    assert [(c.name, c.scope) for c in meter.channels] == [("rapl.0.package-0", "package"), ("rapl.0-0.core", "rail")]
    assert meter.read() == {"rapl.0.package-0": 0.0, "rapl.0-0.core": 0.0}
    lay(tmp_path, {"sys/class/powercap/intel-rapl:0/energy_uj": "100000\n"})
    assert meter.read()["rapl.0.package-0"] == pytest.approx(0.2)


@given(st.lists(st.integers(0, 999_999), min_size=1, max_size=30))
def test_rapl_energy_is_the_sum_of_the_steps_and_never_falls(steps_uj: list[int]) -> None:
    counter, value = rapl.Counter(1_000_000), 123_456
    counter.advance(value)
    before = 0.0
    for step in steps_uj:
        value = (value + step) % 1_000_000
        now = counter.advance(value)
        assert now >= before
        before = now
    assert before == pytest.approx(sum(steps_uj) / 1e6)


def test_rapl_beyond_its_range() -> None:
    with pytest.raises(ValueError, match=r"must be in 0\.\.10, got 11"):
        rapl.Counter(10).advance(11)


def test_a_device_without_meters_says_why_for_each(tmp_path: Path) -> None:
    meters, absent = power.find_meters(str(tmp_path))
    assert meters == []
    assert set(absent) == {f"power.{name}" for name in power.METERS}
    assert all(absent.values())


def test_all_meters_at_once(tmp_path: Path) -> None:
    meters, absent = power.find_meters(lay(tmp_path, {**CHIP, **RAPL}))
    assert [m.name for m in meters] == ["ina3221", "rapl"]
    assert set(absent) == {"power.pmic", "power.battery"}
