"""``earshot devices sensors`` as a person types it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

from tests.orchestrator.measure.meters.plugs import GEN2, plug
from tests.orchestrator.workflows.command import environment


def lab_with(folder: Path, meter: str) -> Path:
    path = folder / "lab.toml"
    path.write_text(f'[devices.bench]\ntransport = "local"\nmeter = {meter}\n')
    return path


def argv(*words: str) -> list[str]:
    return [sys.executable, "-m", "orchestrator.cli", "devices", "sensors", *words]


def call(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv(*words), env=environment(folder), capture_output=True, text=True, timeout=120, check=False
    )


def test_the_devices_own_and_its_meter(tmp_path: Path) -> None:
    with plug(GEN2) as stand_in:
        lab = lab_with(tmp_path, f'{{ kind = "shelly", host = "{stand_in.host}" }}')
        table = call(tmp_path, "bench", "--lab", str(lab))
        told = call(tmp_path, "bench", "--lab", str(lab), "--json")
    assert table.returncode == 0, table.stderr
    assert "meter.socket " in table.stdout
    assert "8.25" in table.stdout
    assert "power.pmic" in table.stdout
    view = json.loads(told.stdout)
    assert view["device"] == "bench"
    assert "throttled" in view["facts"]
    sensors = {s["probe"]["name"]: s for s in view["sensors"]}
    assert sensors["meter.socket"]["value"] == 8.25
    assert sensors["meter.socket"]["probe"]["scope"] == "socket"
    assert sensors["meter.socket"]["age_s"] >= 0
    absent = [s for s in view["sensors"] if not s["probe"]["usable"]]
    assert all(s["reason"] and s["value"] is None for s in absent)


def test_a_meter_that_is_away_is_told_and_the_rest_shown(tmp_path: Path) -> None:
    lab = lab_with(tmp_path, '{ kind = "shelly", host = "127.0.0.1:1" }')
    done = call(tmp_path, "bench", "--lab", str(lab), "--json")
    assert done.returncode == 0, done.stderr
    sensors = {s["probe"]["name"]: s for s in json.loads(done.stdout)["sensors"]}
    assert sensors["meter.socket"]["value"] is None
    assert "does not answer" in sensors["meter.socket"]["reason"]


def test_watch_goes_on_until_ctrl_c(tmp_path: Path) -> None:
    watch = argv("local", "--watch", "--json", "--every", "0.1")
    process = subprocess.Popen(
        watch, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    views = [json.loads(process.stdout.readline()) for _ in range(3)]
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert {view["device"] for view in views} == {"local"}
    assert process.returncode in (0, 130), stderr
    assert "Traceback" not in stderr


def test_what_cannot_be(tmp_path: Path) -> None:
    done = call(tmp_path, "local", "--watch", "--every", "0")
    assert done.returncode == 2
    assert "--every must be in 0.1..3600" in done.stderr
    done = call(tmp_path, "pi6")
    assert done.returncode == 2
    assert "no device 'pi6'" in done.stderr
