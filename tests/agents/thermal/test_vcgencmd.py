"""The Pi's firmware: temperature, real clock, throttle bits."""

import pytest

from agents.thermal import vcgencmd
from tests.agents.sensor_texts import on_real_outputs, sample_of


def test_answers() -> None:
    # raspberrypi.com documentation, vcgencmd: the clock's index differs by model.
    assert vcgencmd.parse_temp("temp=39.2'C\n") == 39.2
    assert vcgencmd.parse_clock("frequency(0)=2400000000\n") == 2.4e9
    assert vcgencmd.parse_clock("frequency(48)=1500398464\n") == 1_500_398_464


@pytest.mark.parametrize("text", ["", "temp=39.2", "temp=39200'C", "temp=nan'C", "temp='C", "39.2'C", "temp=39.2'F"])
def test_no_temperature(text: str) -> None:
    with pytest.raises(ValueError, match="measure_temp"):
        vcgencmd.parse_temp(text)


@pytest.mark.parametrize(
    "text", ["", "frequency(48)=", "frequency(48)=0", "frequency(48)=1500", "frequency()=1500000000"]
)
def test_no_clock(text: str) -> None:
    with pytest.raises(ValueError, match="measure_clock"):
        vcgencmd.parse_clock(text)


@pytest.mark.parametrize(("text", "bits"), [("throttled=0x0\n", 0), ("throttled=0x50005\n", 0x50005)])
def test_get_throttled(text: str, bits: int) -> None:
    assert vcgencmd.parse_get_throttled(text) == bits


@pytest.mark.parametrize(
    "text", ["", "error=1", "throttled=zz", "throttled=-0x1", "throttled=0x500050", "throttled=0x"]
)
def test_get_throttled_that_says_nothing(text: str) -> None:
    with pytest.raises(ValueError, match="get_throttled"):
        vcgencmd.parse_get_throttled(text)


def test_bits_in_words() -> None:
    assert vcgencmd.explain(0x50004).endswith("now: throttled; since boot: under-voltage, throttled")
    assert vcgencmd.explain(0).endswith("nothing now, nothing since boot")


@on_real_outputs("rpi_vcgencmd_basic.txt")
def test_real_outputs(name: str) -> None:
    lines = sample_of(name).splitlines()
    assert [vcgencmd.parse_get_throttled(line) for line in lines if line.startswith("throttled=")] == [
        0x50000,
        0x50005,
        0x0,
        0x80000,
    ]
    assert {vcgencmd.parse_temp(line) for line in lines if line.startswith("temp=")} == {39.2, 38.6, 62.3}
    assert [vcgencmd.parse_clock(line) for line in lines if line.startswith("frequency")] == [1.4e9]
