"""INA3221 through both drivers, with the mutations that real boards have."""

from pathlib import Path

import pytest

from agents.power import Absent, ina3221, jetson
from tests.agents.power.trees import CHIP, IIO_CHIP
from tests.agents.sensor_texts import on_real_outputs, sample_of
from tests.agents.tree import lay

VOLTS, AMPERES = "sys/class/hwmon/hwmon3/in1_input", "sys/class/hwmon/hwmon3/curr1_input"


def test_hwmon_multiplies_volts_and_amperes_per_rail(tmp_path: Path) -> None:
    meter = ina3221.find(lay(tmp_path, CHIP))
    assert meter.read() == pytest.approx({"ina3221.VDD_IN": 7.5, "ina3221.VDD_SOC": 1.497})
    assert [(c.name, c.quantity, c.scope) for c in meter.channels] == [
        ("ina3221.VDD_IN", "power_w", "board"),
        ("ina3221.VDD_SOC", "power_w", "rail"),
    ]


def test_iio_gives_milliwatts(tmp_path: Path) -> None:
    meter = ina3221.find(lay(tmp_path, IIO_CHIP))
    assert meter.read() == pytest.approx({"ina3221.POM_5V_IN": 3.0, "ina3221.POM_5V_GPU": 0.15})
    assert [(c.scope, c.source) for c in meter.channels] == [("board", "ina3221x iio"), ("rail", "ina3221x iio")]


def test_thors_input_has_a_chip_of_its_own(tmp_path: Path) -> None:
    chip = "sys/class/hwmon/hwmon5"
    meter = ina3221.find(lay(tmp_path, {**CHIP, f"{chip}/name": "ina238\n", f"{chip}/power1_input": "26000000\n"}))
    assert meter.read()["ina238.VIN"] == pytest.approx(26.0)
    assert {c.scope for c in meter.channels if c.name == "ina238.VIN"} == {"board"}
    lay(tmp_path, {f"{chip}/power1_input": "26000000000\n"})
    assert "ina238.VIN" not in meter.read()


def test_files_come_before_tegrastats_and_hwmon_before_iio(tmp_path: Path) -> None:
    meter = jetson.find(lay(tmp_path, {**CHIP, **IIO_CHIP}))
    assert {c.source for c in meter.channels} == {"ina3221 hwmon"}


def test_a_channel_that_fails_alone(tmp_path: Path) -> None:
    # An unwired channel exists and fails to read: here it has no readable number.
    files = {**CHIP, "sys/class/hwmon/hwmon3/in3_label": "SPARE\n", "sys/class/hwmon/hwmon3/in3_input": "\n"}
    meter = ina3221.find(lay(tmp_path, {**files, "sys/class/hwmon/hwmon3/curr3_input": "0\n"}))
    assert set(meter.read()) == {"ina3221.VDD_IN", "ina3221.VDD_SOC"}
    (tmp_path / VOLTS).unlink()
    assert set(meter.read()) == {"ina3221.VDD_SOC"}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (VOLTS, "5000000\n"),
        (VOLTS, "-5000\n"),
        (VOLTS, "nan\n"),
        (AMPERES, "1500000\n"),
        (AMPERES, "-1500\n"),
        (AMPERES, "inf\n"),
        (AMPERES, "15 00\n"),
        (AMPERES, ""),
    ],
    ids=["uV", "sign of volts", "nan", "uA", "sign of amperes", "inf", "two numbers", "empty"],
)
def test_a_mutated_file_is_a_gap_of_its_rail_and_no_number(tmp_path: Path, path: str, text: str) -> None:
    meter = ina3221.find(lay(tmp_path, CHIP))
    lay(tmp_path, {path: text})
    assert meter.read() == pytest.approx({"ina3221.VDD_SOC": 1.497})


def test_milliwatts_that_are_microwatts(tmp_path: Path) -> None:
    path = "sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0/in_power0_input"
    assert set(ina3221.find(lay(tmp_path, {**IIO_CHIP, path: "3000000\n"})).read()) == {"ina3221.POM_5V_GPU"}


def test_without_a_wired_channel(tmp_path: Path) -> None:
    with pytest.raises(Absent, match="no ina3221"):
        ina3221.find(lay(tmp_path, {"sys/class/hwmon/hwmon3/name": "ina3221\n"}))


def test_with_only_channels_that_fail(tmp_path: Path) -> None:
    files = {"sys/class/hwmon/hwmon3/name": "ina3221\n", "sys/class/hwmon/hwmon3/in1_label": "VDD_IN\n"}
    with pytest.raises(Absent, match="rail VDD_IN cannot be read"):
        ina3221.find(lay(tmp_path, files))


@on_real_outputs("jetson_orin_ina3221_hwmon.txt")
def test_a_real_boards_values(name: str, tmp_path: Path) -> None:
    """Its lines ``rail_VDD_IN 4968 1520`` laid as the driver's files."""
    chip = "sys/class/hwmon/hwmon1"
    files = {f"{chip}/name": "ina3221\n"}
    rails = [line.split() for line in sample_of(name).splitlines() if line.startswith("rail_")]
    for number, (rail, volts, amperes) in enumerate(rails, 1):
        files[f"{chip}/in{number}_label"] = rail.removeprefix("rail_") + "\n"
        files[f"{chip}/in{number}_input"] = volts + "\n"
        files[f"{chip}/curr{number}_input"] = amperes + "\n"
    values = ina3221.find(lay(tmp_path, files)).read()
    assert values["ina3221.VDD_IN"] == pytest.approx(4.968 * 1.520)
    assert values["ina3221.VDD_IN"] > values["ina3221.VDD_SOC"] > 0
