"""INA226: register maths by the datasheet's own example, and a stand-in bus with its registers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.measure.meters import ina226
from orchestrator.measure.meters.ina226 import POWER, VOLTAGE, Ina226, Ina226Options


class StandInChip:
    """Registers as SBOS547 numbers them; ``gone``: the bus gives an I/O error, as for a chip without power."""

    def __init__(self, shunt: int = 0, bus: int = 0) -> None:
        self.registers = {0x00: 0x4127, 0x01: shunt, 0x02: bus, 0xFE: 0x5449, 0xFF: 0x2260}
        self.gone = False
        self.closed = False

    def read(self, register: int) -> int:
        if self.gone:
            raise OSError(121, "Remote I/O error")
        return self.registers[register]

    def write(self, register: int, value: int) -> None:
        self.registers[register] = value

    def close(self) -> None:
        self.closed = True


def test_the_datasheets_example() -> None:
    # SBOS547, 7.5: 2 mohm, 10 A, 11.98 V: shunt register 8000, bus register 9584; 119.8 W.
    assert ina226.shunt_v(8000) == pytest.approx(0.020)
    assert ina226.bus_v(9584) == pytest.approx(11.98)
    assert ina226.power_w(8000, 9584, 0.002) == pytest.approx(119.8)


def test_it_is_configured_and_read() -> None:
    chip = StandInChip(shunt=8000, bus=9584)
    meter = Ina226(chip, 0.002)
    assert chip.registers[0x00] == ina226.CONFIGURATION
    assert meter.read() == pytest.approx({POWER: 119.8, VOLTAGE: 11.98})
    meter.close()
    assert chip.closed


@given(st.integers(0, 0x7FFE), st.integers(0, 28_800))
def test_power_is_never_negative_and_rises_with_the_current(shunt: int, bus: int) -> None:
    watts = ina226.power_w(shunt, bus, 0.1)
    assert watts == pytest.approx(shunt * 2.5e-6 / 0.1 * bus * 1.25e-3)


@pytest.mark.parametrize("raw", [0x7FFF, 0x8000])
def test_a_clipped_current_is_no_reading(raw: int) -> None:
    with pytest.raises(ValueError, match="beyond what this shunt"):
        ina226.shunt_v(raw)


def test_backwards_is_refused_but_an_offset_is_zero() -> None:
    assert ina226.power_w(0xFFFE, 4000, 0.1) == 0.0
    with pytest.raises(ValueError, match="wrong way round"):
        ina226.power_w(0x10000 - 8000, 4000, 0.002)


@pytest.mark.parametrize("raw", [0xFFFF, 0x8000, 28_801])
def test_a_voltage_beyond_the_chip(raw: int) -> None:
    with pytest.raises(ValueError, match="measures up to 36 V"):
        ina226.bus_v(raw)


def test_another_chip_or_none() -> None:
    chip = StandInChip()
    chip.registers[0xFF] = 0x2270
    with pytest.raises(ValueError, match="no INA226"):
        Ina226(chip, 0.1)
    assert chip.closed
    chip = StandInChip()
    chip.gone = True
    with pytest.raises(OSError, match="Remote I/O"):
        Ina226(chip, 0.1)
    assert chip.closed


def test_a_bus_that_is_not_there() -> None:
    with pytest.raises(OSError, match="i2c-250"):
        Ina226Options(shunt_ohm=0.1, bus=250).open()


@pytest.mark.parametrize(
    "wrong", [{"shunt_ohm": 0.0}, {"shunt_ohm": 0.1, "address": 0x50}, {"shunt_ohm": 0.1, "bus": -1}]
)
def test_options_that_cannot_be(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be in"):
        Ina226Options(**wrong)  # type: ignore[arg-type]
