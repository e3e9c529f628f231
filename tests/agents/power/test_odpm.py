"""Pixel's power monitors: counters that only rise, whole texts only."""

from pathlib import Path

import pytest

from agents.power import Absent, odpm
from tests.agents.sensor_texts import text_of
from tests.agents.tree import lay

TEXT = text_of("odpm_energy_value.txt")
PATH = "sys/bus/iio/devices/iio:device{}/energy_value"


def later(ms: int, **uws: int) -> str:
    """The text ``ms`` later, with energy added by rail."""
    at, rails = odpm.parse(TEXT)
    lines = [f"CH{i}(T={at + ms})[{r}], {e + uws.get(r, 0)}\n" for i, (r, e) in enumerate(rails.items())]
    return f"t={at + ms}\n" + "".join(lines)


def test_joules_since_the_first_reading_per_monitor(tmp_path: Path) -> None:
    meter = odpm.find(lay(tmp_path, {PATH.format(0): TEXT, PATH.format(1): TEXT}))
    assert next((c.name, c.quantity) for c in meter.channels) == ("odpm.0.S10M_VDD_TPU", "energy_j")
    assert len(meter.channels) == 6
    assert set(meter.read().values()) == {0.0}
    lay(tmp_path, {PATH.format(0): later(1000, S2M_VDD_CPUCL2=2_500_000)})
    values = meter.read()
    assert values["odpm.0.S2M_VDD_CPUCL2"] == pytest.approx(2.5)
    assert values["odpm.1.S2M_VDD_CPUCL2"] == 0.0


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT.replace("t=1000000\n", ""),
        TEXT[:-5],
        TEXT[:-1],
        TEXT.replace("5000000\n", "nan\n"),
        TEXT.replace("5000000\n", "-5000000\n"),
        TEXT.replace("S10M_VDD_TPU", "VSYS_PWR_MODEM"),
        "t=1000000\n",
    ],
    ids=["empty", "no time", "cut", "no newline", "nan", "sign", "twice", "no rails"],
)
def test_what_is_not_whole_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="energy_value"):
        odpm.parse(text)


def test_a_counter_that_falls_or_jumps_says_nothing_any_more() -> None:
    rails = odpm.Rails()
    rails.advance(TEXT)
    after = rails.advance(later(1000, VSYS_PWR_MODEM=-1, S10M_VDD_TPU=100_000_000))
    # 100 J in a second on one rail of a phone: it did not count that.
    assert set(after) == {"S2M_VDD_CPUCL2"}
    assert set(rails.advance(later(2000))) == {"S2M_VDD_CPUCL2"}


def test_without_monitors(tmp_path: Path) -> None:
    with pytest.raises(Absent, match="no power monitor"):
        odpm.find(str(tmp_path))
    with pytest.raises(Absent, match="cannot be read"):
        odpm.find(lay(tmp_path, {PATH.format(0): "\n"}))
