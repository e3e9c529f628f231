"""Promise 10: each power number says what it is, and no reading of another unit, sign or rail becomes a number.

Sensor output in the documented formats (the texts' sources are named in agents/power), and mutations of it in the
middle of a session: each is a gap of its length, and the energy of the rest is right. The naive way is a parser that
takes the first number: it is off by as much as the mutation.
"""

from pathlib import Path

import numpy as np
import pytest

from agents.live import LiveSensors
from agents.power import rapl
from orchestrator.domain.power import PowerSource, choose_source
from orchestrator.statistics.energy import energy_of_counter, energy_of_samples
from tests.agents.power.test_battery import PHONE
from tests.agents.power.trees import CHIP, IIO_CHIP, RAPL
from tests.agents.tree import lay
from tests.orchestrator.statistics.waveforms import jittered_ns
from tests.promises.figures import p10
from tests.promises.figures.p10 import CASES, FORMATS, reading

S = 1_000_000_000
ENERGY = "sys/class/powercap/intel-rapl:0/energy_uj"
RANGE = "sys/class/powercap/intel-rapl:0/max_energy_range_uj"


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


def test_a_script_takes_the_number_where_it_expects_one() -> None:
    (row,) = p10.rows()
    assert row.earshot == 0.0
    assert row.naive > 50.0


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
