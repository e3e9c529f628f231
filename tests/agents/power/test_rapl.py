"""RAPL counters: wraps undone, resets told, other people's files respected."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.power import Absent, rapl
from tests.agents.power.trees import RAPL
from tests.agents.tree import lay

ENERGY = "sys/class/powercap/intel-rapl:0/energy_uj"


def test_counts_across_a_wrap(tmp_path: Path) -> None:
    meter = rapl.find(lay(tmp_path, RAPL))
    assert [(c.name, c.scope) for c in meter.channels] == [("rapl.0.package-0", "package"), ("rapl.0-0.core", "rail")]
    assert meter.read() == {"rapl.0.package-0": 0.0, "rapl.0-0.core": 0.0}
    lay(tmp_path, {ENERGY: "100000\n"})
    assert meter.read()["rapl.0.package-0"] == pytest.approx(0.2)


@given(st.lists(st.integers(0, 999_999), min_size=1, max_size=30))
def test_energy_is_the_sum_of_the_steps_and_never_falls(steps_uj: list[int]) -> None:
    counter, value = rapl.Counter(1_000_000), 123_456
    counter.advance(value)
    before = 0.0
    for step in steps_uj:
        value = (value + step) % 1_000_000
        now = counter.advance(value)
        assert now >= before
        before = now
    assert before == pytest.approx(sum(steps_uj) / 1e6)


def test_beyond_its_range() -> None:
    with pytest.raises(ValueError, match=r"must be in 0\.\.10, got 11"):
        rapl.Counter(10).advance(11)


def test_a_counter_that_was_set_back_is_no_wrap_and_says_nothing_any_more() -> None:
    clock = iter([0.0, 0.1, 0.2, 0.3])
    counter = rapl.Counter(262_143_000_000, lambda: next(clock))
    counter.advance(1_000_000_000)
    assert counter.advance(1_002_000_000) == pytest.approx(2.0)
    # A wrap would mean 261 kJ in 0.1 s.
    for value in (5, 1_000_005):
        with pytest.raises(ValueError, match="was set back"):
            counter.advance(value)


@pytest.mark.parametrize("text", ["", "nan\n", "-5\n", "12.5\n", "9999999\n", "90 00\n"])
def test_a_mutated_counter_is_a_gap_of_its_domain(tmp_path: Path, text: str) -> None:
    meter = rapl.find(lay(tmp_path, RAPL))
    lay(tmp_path, {ENERGY: text})
    assert meter.read() == {"rapl.0-0.core": 0.0}
    lay(tmp_path, {ENERGY: "950000\n"})
    assert set(meter.read()) == {"rapl.0.package-0", "rapl.0-0.core"}


def test_a_counter_that_cannot_be_read(tmp_path: Path) -> None:
    # Tests run as root, whom no mode stops: a folder in the file's place fails to read as well.
    energy = tmp_path / ENERGY
    root = lay(tmp_path, {k: v for k, v in RAPL.items() if "intel-rapl:0/" in k})
    energy.unlink()
    energy.mkdir()
    with pytest.raises(Absent, match=r"rapl\.0\.package-0 cannot be read"):
        rapl.find(root)
