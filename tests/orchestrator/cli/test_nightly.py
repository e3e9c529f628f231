"""``earshot nightly`` as it is typed: its plan, a night that is killed and gone on with, what starts it by itself."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.orchestrator.cli.command import BAD_INPUT, argv, assert_refused, assert_sound, earshot, environment, rows
from tests.orchestrator.workflows.mini import add_mini
from tests.orchestrator.workflows.night_past import before_noon, write_plan

INCOMPLETE = 10
WAIT_S = 240.0
# A port that nobody listens on.
LAB = '[devices.gone]\nhost = "127.0.0.1"\nport = 1\nuser = "nobody"\n'


def sessions(results: Path) -> list[tuple[object, ...]]:
    try:
        return rows(results, "select session_id, started_utc, duration_s from sessions order by rowid")
    except Exception:  # the ledger is not there yet
        return []


def kill_after(command: list[str], home: Path, results: Path, count: int) -> None:
    """The command, killed once so many sessions are in the ledger."""
    process = subprocess.Popen(
        command, env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    give_up_s = time.monotonic() + WAIT_S
    while process.poll() is None and time.monotonic() < give_up_s and len(sessions(results)) < count:
        time.sleep(0.02)
    assert process.poll() is None, "it ended before it could be killed"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=WAIT_S)


def test_a_killed_night_goes_on_and_a_missing_device_is_told(tmp_path: Path) -> None:
    results, lab = tmp_path / "earshot-results", tmp_path / "lab.toml"
    add_mini(results)
    lab.write_text(LAB)
    plan = write_plan(tmp_path / "plan.toml", devices=["local", "gone"], runs=4, seconds=0.5)
    words = ("nightly", str(plan), "--lab", str(lab), "--results", str(results))
    dry = earshot(*words, "--dry-run", home=tmp_path)
    assert dry.returncode == 0, dry.stderr
    assert "plan test: 8 sessions on 2 devices" in dry.stdout
    assert "expected end:" in dry.stdout
    assert "all sessions are estimates" in dry.stdout
    assert not (results / "ledger.db").exists()
    before_noon()
    kill_after(argv(*words), tmp_path, results, 1)
    assert_sound(results)
    measured = sessions(results)
    done = earshot(*words, "--json", home=tmp_path)
    assert done.returncode == INCOMPLETE, done.stderr
    assert sessions(results)[: len(measured)] == measured, "nothing was measured again"
    said = json.loads(done.stdout)["night"]
    record = said["record"]
    assert [each["what"] for each in record["missing"]] == ["gone"]
    assert "127.0.0.1" in record["missing"][0]["reason"]
    assert (record["expected_sessions"], record["finished_sessions"], record["failed_sessions"]) == (8, 4, 0)
    assert said["learning"] > 0
    assert rows(results, "select plan, at from nights") == [("test", record["at"])]
    assert "4 of 8 sessions, 1 missing" in (results / "night.html").read_text()
    assert_sound(results)
    # What was measured says how long the next night takes.
    plan.write_text(plan.read_text().replace('["local", "gone"]', '["local"]'))
    dry = earshot(*words, "--dry-run", "--json", home=tmp_path)
    assert json.loads(dry.stdout)["estimated_sessions"] == 0


def test_a_plan_is_written_and_refused_with_all_its_problems(tmp_path: Path) -> None:
    plan = tmp_path / "desk.toml"
    made = earshot("nightly", str(plan), "--init", home=tmp_path)
    assert made.returncode == 0, made.stderr
    assert f"earshot nightly {plan} --dry-run" in made.stdout
    plan.write_text(plan.read_text().replace('"kws"', '"kwz"').replace('["local"]', '["lcal"]'))
    refused = earshot("nightly", str(plan), "--results", str(tmp_path / "r"), home=tmp_path)
    assert_refused(refused, BAD_INPUT, "2 problems", "no model 'kwz'", "no device 'lcal'", then="--init")
    both = earshot("nightly", str(plan), "--cron", "--dry-run", home=tmp_path)
    assert_refused(both, BAD_INPUT, "give one of them", then="--help")


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A folder whose name means something to systemd and to cron."""
    folder = tmp_path / "my 100% $lab"
    folder.mkdir()
    write_plan(folder / "plan.toml", models=("kws",))
    return folder


def test_units_are_what_systemd_reads(odd: Path, tmp_path: Path) -> None:
    words = ("nightly", str(odd / "plan.toml"), "--results", str(odd / "r"))
    made = earshot(*words, "--systemd", "--start", "21:30", "--install-to", str(tmp_path / "units"), home=tmp_path)
    assert made.returncode == 0, made.stderr
    service, timer = (tmp_path / "units" / f"earshot-plan.{kind}" for kind in ("service", "timer"))
    assert "OnCalendar=*-*-* 21:30:00 UTC" in timer.read_text()
    (start,) = [line for line in service.read_text().splitlines() if line.startswith("ExecStart=")]
    assert '"' + str(odd / "plan.toml").replace("%", "%%").replace("$", "$$") + '"' in start
    assert start.removeprefix("ExecStart=").startswith("/")
    verify = ["systemd-analyze", "verify", str(service), str(timer)]
    try:
        checked = subprocess.run(verify, capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError:
        return  # What is written is held to above.
    assert (checked.returncode, checked.stderr) == (0, "")


def test_a_line_for_cron_is_read_back_as_it_was_meant(odd: Path, tmp_path: Path) -> None:
    done = earshot("nightly", str(odd / "plan.toml"), "--cron", "--start", "05:07", home=tmp_path)
    assert done.returncode == 0, done.stderr
    line = done.stdout.splitlines()[-1]
    assert line.startswith("7 5 * * * /")
    # As cron does: \% is a %, and a shell reads the rest.
    command = line.split(maxsplit=5)[5].replace("\\%", "%")
    shown = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {command}"], capture_output=True, text=True, timeout=60, check=True
    )
    assert str(odd / "plan.toml") in shown.stdout.splitlines()
    late = earshot("nightly", str(odd / "plan.toml"), "--cron", "--start", "25:00", home=tmp_path)
    assert_refused(late, BAD_INPUT, "--start must be HH:MM (UTC)", then="--help")
