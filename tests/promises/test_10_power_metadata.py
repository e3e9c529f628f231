"""Promise 10: each power number says what it is, and no reading of another unit, sign or rail becomes a number.

Sensor output in the documented formats (the texts' sources are named in agents/power), and mutations of it in the
middle of a session: each is a gap of its length, and the energy of the rest is right. The naive way is a parser that
takes the first number: it is off by as much as the mutation.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from agents.device_facts import Gauge
from agents.live import LiveSensors
from agents.power import battery, ina3221, pmic, rapl, tegrastats
from agents.power.battery_text import parse_dumpsys, parse_uevent
from orchestrator.domain.power import PowerSource, choose_source
from orchestrator.statistics.energy import energy_of_counter, energy_of_samples
from tests.agents.power.test_battery import PHONE
from tests.agents.power.trees import CHIP, IIO_CHIP, RAPL
from tests.agents.sensor_texts import text_of
from tests.agents.tree import lay
from tests.orchestrator.statistics.waveforms import jittered_ns

S = 1_000_000_000
VOLTS, AMPERES = "sys/class/hwmon/hwmon3/in1_input", "sys/class/hwmon/hwmon3/curr1_input"
IIO_POWER = next(path for path in IIO_CHIP if path.endswith("in_power0_input"))
ENERGY = "sys/class/powercap/intel-rapl:0/energy_uj"
RANGE = "sys/class/powercap/intel-rapl:0/max_energy_range_uj"
ADC, ORIN = text_of("pmic_read_adc.txt"), text_of("tegrastats_jetpack6.txt")
DUMPSYS = "Current Battery Service state:\n  status: 3\n  voltage: 4000\n  current now: -250000\n"
MA_GAUGE = Gauge(-1, "mA")


@dataclass(frozen=True)
class Format:
    """``read`` gives W of a text; ValueError, or nothing, where the text gives none."""

    good: str
    read: Callable[[str, Path], float | None]
    truth_w: float
    mutated: dict[str, str]


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
    ),
}
CASES = [(name, mutation) for name, one in FORMATS.items() for mutation in one.mutated]


def reading(one: Format, text: str, root: Path) -> float:
    """As the sampler does: what fails is NaN."""
    try:
        found = one.read(text, root)
    except ValueError:
        found = None
    return float("nan") if found is None else found


@pytest.mark.parametrize(("name", "mutation"), CASES)
def test_a_mutated_reading_is_a_gap_and_the_rest_is_right(name: str, mutation: str, tmp_path: Path) -> None:
    one = FORMATS[name]
    good, bad = reading(one, one.good, tmp_path), reading(one, one.mutated[mutation], tmp_path)
    assert good == pytest.approx(one.truth_w, rel=1e-3)
    assert np.isnan(bad)
    t_ns = jittered_ns(10.0, 10.0, 0)
    power_w = np.full(len(t_ns), good)
    power_w[50:55] = bad
    found = energy_of_samples(t_ns, power_w, 0, 10 * S)
    lost_s = (t_ns[55] - t_ns[49]) / S
    assert found.gap_s == pytest.approx(lost_s)
    assert found.gaps == 1
    assert found.energy_j == pytest.approx(one.truth_w * (10.0 - lost_s), rel=1e-3)


def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, texts: list[str], t_ns: np.ndarray) -> np.ndarray:
    clock = iter(t_ns / S)
    counter = rapl.Counter
    monkeypatch.setattr(rapl, "Counter", lambda range_uj: counter(range_uj, lambda: float(next(clock))))
    meter = rapl.find(lay(tmp_path, {path: RAPL[path] for path in RAPL if "intel-rapl:0/" in path}))
    values = []
    for text in texts:
        lay(tmp_path, {ENERGY: text})
        values.append(meter.read().get("rapl.0.package-0", float("nan")))
    return np.array(values)


def test_a_counter_that_wraps_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """4 W on a counter that wraps at 1 J: every 0.25 s."""
    t_ns = jittered_ns(10.0, 10.0, 0)
    texts = [f"{round(4e6 * (t - t_ns[0]) / S + 900_000) % 1_000_000}\n" for t in t_ns]
    found = energy_of_counter(t_ns, counted(tmp_path, monkeypatch, texts, t_ns), 0, 10 * S)
    assert found.energy_j == pytest.approx(40.0, rel=1e-3)


def test_a_counter_that_is_set_back_is_no_number_from_there_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RAPL, RANGE, "262143000000\n")
    t_ns = jittered_ns(10.0, 10.0, 0)
    texts = [f"{round(4e6 * (t - t_ns[0]) / S) + 900_000}\n" for t in t_ns]
    texts[60:] = [f"{n}\n" for n in range(len(texts) - 60)]
    values = counted(tmp_path, monkeypatch, texts, t_ns)
    assert np.isnan(values[60:]).all()
    found = energy_of_counter(t_ns, values, 0, 10 * S)
    assert found.energy_j is None
    assert found.covered_s == pytest.approx(t_ns[59] / S)


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        (CHIP, "ina3221.VDD_IN (power of the board, ina3221 hwmon, at the sampler's rate, not calibrated)"),
        (IIO_CHIP, "ina3221.POM_5V_IN (power of the board, ina3221x iio, at the sampler's rate, not calibrated)"),
        (RAPL, "rapl.0.package-0 (counter of the package, RAPL powercap, at the sampler's rate, not calibrated)"),
        (
            {"sys/class/power_supply/BAT0/type": "Battery\n", "sys/class/power_supply/BAT0/uevent": PHONE},
            "battery (power of the battery, BAT0/uevent, unit taken for uA, at the sampler's rate, not charging, "
            "not calibrated)",
        ),
    ],
    ids=["hwmon", "iio", "rapl", "battery"],
)
def test_each_source_says_what_it_is(tree: dict[str, str], said: str, tmp_path: Path) -> None:
    """NC rails and parts are no choice."""
    sensors = LiveSensors(lay(tmp_path, tree))
    sensors.close()
    for probe in sensors.probes:
        if probe.usable and probe.quantity in ("power_w", "energy_j"):
            assert None not in (probe.scope, probe.source, probe.shortest_interval_s, probe.calibrated)
            assert ".NC" not in probe.name
    found = choose_source(sensors.probes)
    assert isinstance(found, PowerSource)
    assert found.described() == said
