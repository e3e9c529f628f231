"""Promise 10: whether a reading of another unit, sign or rail becomes a number.

Sensor output in the documented formats (the texts' sources are named in agents/power), and mutations of it.
"""

import math
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agents.device_facts import Gauge
from agents.power import battery, ina3221, pmic, tegrastats
from agents.power.battery_text import parse_dumpsys, parse_uevent
from tests.agents.power.test_battery import PHONE
from tests.agents.power.trees import CHIP, IIO_CHIP
from tests.agents.sensor_texts import text_of
from tests.agents.tree import lay
from tests.promises.figures.row import NONE, Row

VOLTS, AMPERES = "sys/class/hwmon/hwmon3/in1_input", "sys/class/hwmon/hwmon3/curr1_input"
IIO_POWER = next(path for path in IIO_CHIP if path.endswith("in_power0_input"))
ADC, ORIN = text_of("pmic_read_adc.txt"), text_of("tegrastats_jetpack6.txt")
DUMPSYS = "Current Battery Service state:\n  status: 3\n  voltage: 4000\n  current now: -250000\n"
MA_GAUGE = Gauge(-1, "mA")
# A number as a quick script looks for it.
_NUMBER = r"(-?\d+(?:\.\d+)?)"


@dataclass(frozen=True)
class Format:
    """``read`` gives W of a text; ValueError, or nothing, where the text gives none. ``script`` finds the number that a
    quick script multiplies into W.
    """

    good: str
    read: Callable[[str, Path], float | None]
    truth_w: float
    mutated: dict[str, str]
    script: str = _NUMBER


def of_file(
    find: Callable[[str], object], tree: dict[str, str], path: str, channel: str
) -> Callable[[str, Path], float | None]:
    def read(text: str, root: Path) -> float | None:
        meter = find(lay(root, tree))
        lay(root, {path: text})
        found: float | None = meter.read().get(channel)  # type: ignore[attr-defined]
        return found

    return read


def orin_w(text: str, root: Path) -> float | None:
    return tegrastats.parse(text).power_w.get("VDD_IN")


def scaled(text: str, pattern: str, factor: int) -> str:
    return re.sub(pattern, lambda match: f"{match[1]}{int(match[2]) * factor}{match[3]}", text)


ORIN_W = int(re.search(r"VDD_IN (\d+)mW", ORIN)[1]) / 1e3  # type: ignore[index]
FORMATS = {
    "ina3221 hwmon, volts": Format(
        "5000\n",
        of_file(ina3221.find, CHIP, VOLTS, "ina3221.VDD_IN"),
        7.5,
        {"uV for mV": "5000000\n", "sign": "-5000\n", "NaN": "nan\n", "empty": "\n"},
    ),
    "ina3221 hwmon, amperes": Format(
        "1500\n",
        of_file(ina3221.find, CHIP, AMPERES, "ina3221.VDD_IN"),
        7.5,
        {"uA for mA": "1500000\n", "sign": "-1500\n", "NaN": "nan\n", "cut": ""},
    ),
    "ina3221 iio": Format(
        "3000\n",
        of_file(ina3221.find, IIO_CHIP, IIO_POWER, "ina3221.POM_5V_IN"),
        3.0,
        {"uW for mW": "3000000\n", "sign": "-3000\n", "NaN": "nan\n"},
    ),
    "tegrastats": Format(
        ORIN,
        orin_w,
        ORIN_W,
        {
            "uW for mW": scaled(ORIN, r"(VDD_IN )(\d+)(mW)", 1000),
            "sign": ORIN.replace("VDD_IN ", "VDD_IN -"),
            "another unit": ORIN.replace("mW", "uW"),
            "cut": ORIN[:-20],
            "NC rail": ORIN.replace("VDD_IN ", "NC "),
        },
        rf"VDD_IN {_NUMBER}",
    ),
    "pmic_read_adc": Format(
        ADC,
        lambda text, root: pmic.parse(text)[pmic.SUM],
        2.1423,
        {
            "mA": ADC.replace("2.00000000A", "2000.00000000mA"),
            "uA for A": ADC.replace("2.00000000A", "2000000.00000000A"),
            "sign": ADC.replace("2.00000000A", "-2.00000000A"),
            "NaN": ADC.replace("2.00000000A", "nanA"),
            "a rail without its volts": ADC.replace("  VDD_CORE_V volt(15)=0.80000000V\n", ""),
        },
        rf"VDD_CORE_A current\(\d+\)={_NUMBER}",
    ),
    "battery, uevent": Format(
        PHONE,
        lambda text, root: battery.power_w(parse_uevent(text)),
        1.0,
        {
            "mA for uA": PHONE.replace("-250000", "-250"),
            "nA for uA": PHONE.replace("-250000", "-250000000"),
            "NaN": PHONE.replace("-250000", "nan"),
            "charging": PHONE.replace("Discharging", "Charging"),
        },
        rf"CURRENT_NOW={_NUMBER}",
    ),
    "battery, dumpsys, gauge known": Format(
        DUMPSYS.replace("-250000", "-250"),
        lambda text, root: battery.power_w(parse_dumpsys(text), MA_GAUGE),
        1.0,
        {
            "sign": DUMPSYS.replace("-250000", "250"),
            "uA for mA": DUMPSYS,
            "full": DUMPSYS.replace("status: 3", "status: 5"),
        },
        rf"current now: {_NUMBER}",
    ),
}
CASES = [(name, mutation) for name, one in FORMATS.items() for mutation in one.mutated]


def reading(one: Format, text: str, root: Path) -> float:
    """As the sampler does: what fails is NaN."""
    try:
        found = one.read(text, root)
    except ValueError:
        found = None
    return math.nan if found is None else found


def rows() -> list[Row]:
    accepted, naive = 0, 0
    for name, mutation in CASES:
        one = FORMATS[name]
        with tempfile.TemporaryDirectory() as folder:
            good = reading(one, one.good, Path(folder))
            if abs(good / one.truth_w - 1) > 1e-3:
                raise AssertionError(f"{name}: {good} W for {one.truth_w} W")
            accepted += not math.isnan(reading(one, one.mutated[mutation], Path(folder)))
        naive += re.search(one.script, one.mutated[mutation]) is not None
    return [
        Row(
            10,
            f"readings of another unit, sign, rail or state that become a number, of {len(CASES)}",
            NONE,
            100 * accepted / len(CASES),
            100 * naive / len(CASES),
            "the number where it is expected",
        )
    ]
