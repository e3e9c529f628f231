"""Energy and calibration with the sensors of stand-in boards, which show what the test sets: the truth is known."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestrator.measure.standin import sensors
from orchestrator.measure.standin.kinds import jetson
from orchestrator.measure.standin.kinds.pi import pmic_read_adc
from orchestrator.measure.standin.lab_text import lab_text
from orchestrator.measure.standin.standin import StandIn
from tests.hosts import require_program
from tests.lab.fixtures import MakeStandIn
from tests.orchestrator.cli.command import earshot


@contextmanager
def following(standin: StandIn, home: str, react: Callable[[str], None]) -> Iterator[None]:
    """``react`` is told the name of each session as it begins on the device, before it streams."""
    seen: set[str] = set()
    over = threading.Event()
    folder = standin.host.disk.path(f"{home}/.cache/earshot/sessions")

    def watch() -> None:
        while not over.wait(0.02):
            names = {path.name for path in folder.iterdir()} if folder.exists() else set()
            for name in sorted(names - seen):
                react(name)
            seen.update(names)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def show(standin: StandIn, sensor: str, value: float) -> None:
    for path, text in sensors.shown(standin.kind, sensor, f"{value:g}").items():
        standin.host.board.set(path, text)


def pmic_w(core_amperes: float) -> float:
    """The sum of the rails, by hand: no code of the agent's."""
    rails: dict[str, dict[str, float]] = {}
    for line in pmic_read_adc(core_amperes).splitlines():
        name, value = line.split()[0], line.rsplit("=", 1)[1]
        rails.setdefault(name[:-2], {})[name[-1]] = float(value[:-1])
    return sum(rail["A"] * rail["V"] for rail in rails.values() if "A" in rail)


def figures(done: Any) -> dict[str, dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    return {figure["name"]: figure for figure in json.loads(done.stdout)["figures"]}


def test_a_pi5_s_energy_is_what_its_power_chip_was_set_to(
    make_standin: MakeStandIn, results: Path, tmp_path: Path
) -> None:
    pi, lab = make_standin("pi5"), tmp_path / "lab.toml"
    lab.write_text(lab_text([pi.device]))
    idle_a, busy_a = 1.0, 4.0
    show(pi, "core_current_a", idle_a)

    def react(name: str) -> None:
        if "-paced-" in name or "-idle-1-" in name:
            show(pi, "core_current_a", busy_a if "-paced-" in name else idle_a)

    with following(pi, "/home/pi", react):
        asked = ("run", "mini", "--device", pi.name, "--lab", str(lab), "--results", str(results), "--json")
        found = figures(earshot(*asked, "--seconds", "8", home=tmp_path))
    truth_w = pmic_w(busy_a), pmic_w(idle_a)
    assert found["power, mean"]["value"] == pytest.approx(truth_w[0], rel=0.02)
    assert found["power, idle"]["value"] == pytest.approx(truth_w[1], rel=0.02)
    assert found["energy, net"]["value"] == pytest.approx((truth_w[0] - truth_w[1]) * 1e3, rel=0.02)
    assert found["energy per chunk, net"]["value"] == pytest.approx((truth_w[0] - truth_w[1]) * 20, rel=0.02)
    note = found["power, mean"]["note"]
    assert "pmic.sum-of-rails (power of the soc, vcgencmd pmic_read_adc, at most every 0.5 s, not calibrated)" in note
    assert "not chosen" not in note, "its rails are no choice"


def test_a_calibration_is_found_kept_and_applied(make_standin: MakeStandIn, results: Path, tmp_path: Path) -> None:
    """The reference says 1.25 times the board's sensor and 0.4 W: that is the line that is found."""
    for name in ("dropbear", "busybox"):
        require_program(name)
    orin, lab, says = make_standin("orin-nano"), tmp_path / "lab.toml", tmp_path / "watts"
    lab.write_text(lab_text([orin.device]))

    def set_current(milliamperes: int) -> None:
        show(orin, "input_current_ma", milliamperes)
        new = says.with_suffix(".new")
        new.write_text(f"{1.25 * jetson.RAILS['VDD_IN'][0] * milliamperes / 1e6 + 0.4}")
        new.replace(says)

    def react(name: str) -> None:
        if name.startswith("power-"):
            set_current(800 + 150 * (int(name.rsplit("-", 1)[1]) % 7))

    set_current(800)
    code = f"import time\nwhile True:\n print(open({str(says)!r}).read(), flush=True)\n time.sleep(0.05)"
    reference = f"kind = 'command', argv = [{sys.executable!r}, '-I', '-c', {json.dumps(code)}]"
    place = ("--device", orin.name, "--lab", str(lab), "--results", str(results), "--json")
    with following(orin, "/home/nvidia", react):
        asked = ("power", "calibrate", "--reference", reference, "--seconds", "1.5")
        done = earshot(*asked, *place, home=tmp_path)
    assert done.returncode == 0, done.stderr
    line = json.loads(done.stdout)
    assert line["sensor"] == "ina3221.VDD_IN"
    assert line["slope"] == pytest.approx(1.25, rel=0.01)
    assert line["offset_w"] == pytest.approx(0.4, abs=0.06)
    assert line["slope_low"] < 1.25 < line["slope_high"] or line["residual_w"] < 0.01
    assert {level["load"] for level in line["levels"]} == {
        "idle", "2 busy cores", "3 busy cores", "4 busy cores", "6 busy cores"
    }  # fmt: skip
    set_current(1000)
    found = figures(earshot("run", "mini", *place, "--seconds", "2", home=tmp_path))
    assert found["power, mean"]["value"] == pytest.approx(1.25 * 5.024 + 0.4, rel=0.02)
    assert f"calibrated against command {sys.executable} on 20" in found["power, mean"]["note"]
    # A Jetson's GPU takes from the same memory: each phase says what became of that.
    for phase in ("import", "load", "first-run", "steady"):
        assert "MemAvailable fell by" in found[f"peak memory, {phase}"]["note"], phase
    listed = earshot("power", "list", "--results", str(results), "--json", home=tmp_path)
    assert json.loads(listed.stdout) == [line]
