"""A load step on a stand-in battery whose current follows what the agent does."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agents.device_facts import Gauge
from agents.power import battery
from agents.power.gauge_file import read_gauge, write_gauge
from tests.agents.device import REPOSITORY
from tests.agents.tree import lay

SUPPLY = "sys/class/power_supply/battery"


def uevent(current: int, status: str = "Discharging") -> str:
    return f"POWER_SUPPLY_STATUS={status}\nPOWER_SUPPLY_CURRENT_NOW={current}\nPOWER_SUPPLY_VOLTAGE_NOW=4000000\n"


@contextmanager
def gauge_follows(path: Path, pid: int) -> Iterator[None]:
    """mA, negative while it discharges: 300 at rest, 900 while the process has children that work."""
    stop = threading.Event()

    def write() -> None:
        part = path.with_name("part")
        while not stop.wait(0.005):
            try:
                busy = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            except OSError:
                busy = []
            part.write_text(uevent(-900 if busy else -300))
            part.replace(path)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def step(root: str, store: Path) -> "subprocess.Popen[str]":
    code = "import sys; from agents.teach import load_step; print(load_step(sys.argv[1], sys.argv[2], 1.0))"
    argv = [sys.executable, "-c", code, root, str(store)]
    return subprocess.Popen(argv, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_load_step_teaches_the_gauge_and_later_sessions_know(tmp_path: Path) -> None:
    root = lay(tmp_path / "root", {f"{SUPPLY}/type": "Battery\n", f"{SUPPLY}/uevent": uevent(-300)})
    with pytest.raises(battery.Absent, match="cannot be told"):
        battery.find(root)
    store = tmp_path / "store"
    store.mkdir()
    process = step(root, store)
    with gauge_follows(tmp_path / "root" / SUPPLY / "uevent", process.pid):
        stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    assert "sign=-1, unit='mA'" in stdout
    assert read_gauge(str(store)) == Gauge(-1, "mA")
    lay(tmp_path / "root", {f"{SUPPLY}/uevent": uevent(-500)})
    meter = battery.find(root, str(store))
    assert meter.read() == pytest.approx({"battery": 2.0})
    assert meter.channels[0].source == "battery/uevent, mA by a load step"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "no battery on this device"),
        ({f"{SUPPLY}/type": "Battery\n", f"{SUPPLY}/uevent": uevent(-300, "Charging")}, "unplug the device"),
        ({f"{SUPPLY}/type": "Battery\n", f"{SUPPLY}/uevent": uevent(-300)}, "the load moved the reading by 0"),
        ({f"{SUPPLY}/type": "Battery\n", f"{SUPPLY}/uevent": "POWER_SUPPLY_STATUS=Discharging\n"}, "gives no current"),
    ],
    ids=["none", "charging", "frozen", "no current"],
)
def test_no_answer(tmp_path: Path, files: dict[str, str], message: str) -> None:
    process = step(lay(tmp_path, files), tmp_path)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode != 0
    assert message in stderr
    assert read_gauge(str(tmp_path)) is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"sign": 0, "unit": "uA"}', '{"sign": 1, "unit": "A"}', '{"sign": 1}']
)
def test_a_damaged_file_is_none(tmp_path: Path, text: str) -> None:
    write_gauge(str(tmp_path), Gauge(1, "uA"))
    assert json.loads((tmp_path / "gauge.json").read_text()) == {"sign": 1, "unit": "uA"}
    (tmp_path / "gauge.json").write_text(text)
    assert read_gauge(str(tmp_path)) is None


def test_the_verb_refuses_in_words(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "agents", "load-step", "--root", str(tmp_path), "--seconds", "0.1"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, cwd=REPOSITORY, check=False)
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]
    assert "Traceback" not in done.stderr
