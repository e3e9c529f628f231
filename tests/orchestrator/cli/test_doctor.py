"""``earshot devices doctor`` as a person types it: a board is looked at, fixed and put back; a dead one is told."""

import json
from pathlib import Path

import pytest

from agents import uptime
from orchestrator.domain.lease import Lease
from orchestrator.measure.doctor import undo_journal
from orchestrator.measure.doctor.finding import file_change
from orchestrator.measure.doctor.repair import apply, hands
from orchestrator.measure.lab import device_lease
from orchestrator.measure.standin.lab_text import lab_text
from tests.benches import GOVERNOR, Bench, bench, make_bench
from tests.orchestrator.cli.command import BAD_INPUT, DEVICE, assert_refused, earshot

__all__ = ["bench", "make_bench"]


@pytest.fixture
def lab(bench: Bench, tmp_path: Path) -> Path:
    path = tmp_path / "lab.toml"
    path.write_text(lab_text([bench.device]))
    return path


def test_look_fix_undo(bench: Bench, lab: Path, tmp_path: Path) -> None:
    def doctor(*options: str) -> str:
        done = earshot("devices", "doctor", "pi5", "--lab", str(lab), *options, home=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    look = doctor()
    assert "echo performance | sudo tee" in look
    assert bench.says() == "ondemand"
    fixed = doctor("--fix")
    assert "done: echo performance | sudo tee" in fixed
    assert "undone after the next run" in fixed
    assert bench.says() == "performance"
    (said,) = json.loads(doctor("--undo", "--json"))
    assert bench.says() == "ondemand"
    assert said["undo_entries"] == 0
    assert [change["problem"] for change in said["changes"]] == [None]
    governor = next(finding for finding in said["findings"] if finding["check"] == "governor")
    assert governor["severity"] == "warn"
    assert governor["fix"][0]["argv"][0] == "tee"
    assert governor["fix"][0]["root"] is True
    assert "echo ondemand" in governor["undo"][0]


def test_clean_puts_back_what_a_killed_controller_left(bench: Bench, lab: Path, tmp_path: Path) -> None:
    apply(hands(bench.agent, sudo=False), [file_change(GOVERNOR, "performance", "ondemand")], undo_journal.SESSION)
    assert bench.says() == "performance"
    done = earshot("devices", "clean", "pi5", "--lab", str(lab), home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert bench.says() == "ondemand"
    assert not bench.journal.exists()


def test_nothing_is_changed_while_somebody_measures(bench: Bench, lab: Path, tmp_path: Path) -> None:
    lease = Lease("pi5", "l-1", 7, "ci@elsewhere", None, "tune kws", "2026-01-01T00:00:00", uptime.now(), ttl_s=600.0)
    device_lease.acquire(bench.agent, lease)
    done = earshot("devices", "doctor", "--fix", "--lab", str(lab), "--json", home=tmp_path)
    assert done.returncode == DEVICE, done.stderr
    assert "held by ci@elsewhere" in json.loads(done.stdout)[0]["error"]
    assert bench.says() == "ondemand"
    (seen,) = json.loads(earshot("devices", "doctor", "--lab", str(lab), "--json", home=tmp_path).stdout)
    assert seen["held_by"] == "ci@elsewhere"


def test_one_that_is_away_is_told_and_the_others_are_looked_at(bench: Bench, lab: Path, tmp_path: Path) -> None:
    with lab.open("a") as file:
        file.write('\n[devices.away]\nhost = "127.0.0.1"\nport = 9\n')
    done = earshot("devices", "doctor", "--lab", str(lab), "--json", home=tmp_path)
    assert done.returncode == DEVICE, done.stderr
    here, away = json.loads(done.stdout)
    assert here["findings"]
    assert here["error"] is None
    assert away["findings"] == []
    assert "connection refused" in away["error"]


def test_fix_and_undo_at_once_are_refused(tmp_path: Path) -> None:
    done = earshot("devices", "doctor", "--fix", "--undo", home=tmp_path)
    assert_refused(done, BAD_INPUT, "--fix and --undo", then="")
