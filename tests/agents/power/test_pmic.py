"""The Pi 5's power chip: rails paired by name, and no sum that lacks one."""

import pytest

from agents.power import pmic
from tests.agents.sensor_texts import on_real_outputs, sample_of, text_of

ADC = text_of("pmic_read_adc.txt")


def test_rails_are_paired_by_name_and_no_input_power_is_invented() -> None:
    power_w = pmic.parse(ADC)
    assert power_w["pmic.VDD_CORE"] == pytest.approx(1.6)
    assert power_w["pmic.3V3_SYS"] == pytest.approx(0.165)
    assert power_w[pmic.SUM] == pytest.approx(0.37 + 0.165 + 1.6 + 0.0033 + 0.004)
    assert not [name for name in power_w if "EXT5V" in name or "BATT" in name]


@pytest.mark.parametrize(
    "text",
    [
        "",
        'error=1 error_msg="Command not registered"\n',
        "EXT5V_V volt(24)=5.10000000V\n",
        ADC.replace("2.00000000A", "2000.00000000mA"),
        ADC.replace("2.00000000A", "2000000.00000000A"),
        ADC.replace("2.00000000A", "-2.00000000A"),
        ADC.replace("2.00000000A", "nanA"),
        ADC.replace("2.00000000A", "2.00000000V"),
        ADC.replace("  VDD_CORE_V volt(15)=0.80000000V\n", ""),
        ADC[: ADC.index("VDD_CORE_V") + 25],
        ADC + "  VDD_CORE_A current(7)=3.00000000A\n",
    ],
    ids=["empty", "error", "volts only", "mA", "uA", "sign", "nan", "unit", "missing", "truncated", "twice"],
)
def test_what_is_not_whole_gives_no_number(text: str) -> None:
    with pytest.raises(ValueError, match="pmic_read_adc"):
        pmic.parse(text)


def test_a_reading_that_lacks_a_rail_gives_no_sum() -> None:
    first = pmic.parse(ADC)
    fewer = "".join(line for line in ADC.splitlines(keepends=True) if "3V3_DAC" not in line)
    with pytest.raises(ValueError, match=r"lacks pmic\.3V3_DAC"):
        pmic.same_rails(pmic.parse(fewer), first)


@on_real_outputs("rpi5_pmic_read_adc_*.txt")
def test_real_outputs(name: str) -> None:
    power_w = pmic.parse(sample_of(name))
    assert len(power_w) == 13
    assert (power_w["pmic.VDD_CORE"] > 4) == ("load" in name)
    assert power_w[pmic.SUM] == pytest.approx(sum(power_w.values()) - power_w[pmic.SUM])
