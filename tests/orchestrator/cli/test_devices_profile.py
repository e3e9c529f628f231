"""Profiles from the command line: what a device is, a draft of what it is, and the wrong one refused."""

import json
from pathlib import Path

import pytest

from orchestrator.measure.lab.profile_files import load_profiles
from tests.orchestrator.cli.command import BAD_INPUT, DEVICE, assert_refused, assert_sound, earshot

LAB = '[devices.desk]\ntransport = "local"\n'


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    (tmp_path / "lab.toml").write_text(LAB)
    (tmp_path / "device_profiles").mkdir()
    return tmp_path / "lab.toml"


def test_a_draft_counts_at_once(lab: Path, home: Path) -> None:
    draft = lab.parent / "device_profiles" / "my-desk.toml"
    done = earshot("devices", "probe", "desk", "--lab", str(lab), "--write-profile", str(draft), home=home)
    assert done.returncode == 0, done.stderr
    assert "it counts from now on" in done.stderr
    assert load_profiles(draft.parent)["my-desk"].kind_of[0].startswith("generic-")
    again = earshot("devices", "probe", "desk", "--lab", str(lab), home=home)
    assert "profile       my-desk: " in again.stdout
    lines = {line.split()[0]: line.split()[-1] for line in again.stdout.splitlines() if line.strip()}
    assert (lines["clusters"], lines["memory"]) == ("yes", "yes")


def test_a_device_without_python_is_asked_through_its_shell(lab: Path, home: Path) -> None:
    lab.write_text(LAB + 'python = "/opt/none/python3"\n')
    done = earshot("devices", "probe", "desk", "--lab", str(lab), "--shell", "--json", home=home)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["probe"]
    by_agent = earshot("devices", "probe", "--json", home=home)
    told = json.loads(by_agent.stdout)["probe"]
    for fact in ("model", "soc", "machine", "cores", "memory_bytes", "os", "kernel", "virtual"):
        assert found[fact] == told[fact], fact
    assert (found["python"], found["runtimes"], found["sensors"]) == ("none", [], [])


def test_a_profile_is_not_replaced_unasked(lab: Path, home: Path) -> None:
    taken = lab.parent / "device_profiles" / "taken.toml"
    taken.write_text('extends = "generic-android"\ntitle = "x"\n[match]\nmodel = "x"\n')
    arguments = ("devices", "probe", "desk", "--lab", str(lab), "--write-profile", str(taken))
    assert_refused(earshot(*arguments, home=home), BAD_INPUT, f"{taken} exists", then="--force")
    assert 'title = "x"' in taken.read_text()
    done = earshot(*arguments, "--force", "--json", home=home)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["device"] == "desk"
    assert "CHECK" in taken.read_text()


@pytest.mark.parametrize(
    ("path", "message", "then"),
    [("no/folder/x.toml", "there is no folder", "mkdir -p"), ("x.txt", "a profile is a .toml file", "x.txt.toml")],
)
def test_a_place_that_cannot_be_is_told_before_the_device_is_asked(
    path: str, message: str, then: str, lab: Path, home: Path
) -> None:
    done = earshot("devices", "probe", "desk", "--lab", str(lab), "--write-profile", str(lab.parent / path), home=home)
    assert_refused(done, BAD_INPUT, message, then=then)
    assert "deploying" not in done.stderr


def test_the_wrong_device_is_refused_before_anything_is_measured(lab: Path, home: Path, results: Path) -> None:
    lab.write_text(LAB + 'profile = "pixel-8"\n')
    arguments = ("--device", "desk", "--lab", str(lab), "--results", str(results))
    done = earshot("run", "mini", "--once", "--seconds", "1", *arguments, home=home)
    assert_refused(done, DEVICE, "lab.toml says pixel-8, the device says ", "(generic-", then="[devices.desk]")
    assert_sound(results)


def test_a_probe_shows_the_wrong_device_and_fails(lab: Path, home: Path) -> None:
    lab.write_text(LAB + 'profile = "pixel-8"\n')
    done = earshot("devices", "probe", "desk", "--lab", str(lab), home=home)
    assert_refused(done, DEVICE, "lab.toml says pixel-8", then="mend the address")
    assert "device model  " in done.stdout


def test_a_name_that_was_another_machine_is_refused(lab: Path, home: Path, results: Path) -> None:
    import sqlite3

    arguments = ("run", "mini", "--once", "--seconds", "1", "--mode", "flat-out", "--device", "desk", "--lab", str(lab))
    done = earshot(*arguments, "--results", str(results), home=home)
    assert done.returncode == 0, done.stderr
    with sqlite3.connect(results / "ledger.db") as connection:
        connection.execute("update sessions set device_model = 'pixel-7' where device = 'desk'")
    connection.close()
    done = earshot(*arguments, "--results", str(results), home=home)
    assert_refused(done, DEVICE, "desk was pixel-7 in ", "now it answers as", then="a name of its own")


def test_an_unknown_profile(lab: Path, home: Path) -> None:
    lab.write_text(LAB + 'profile = "galaxy-s-23"\n')
    done = earshot("devices", "list", "--lab", str(lab), home=home)
    assert_refused(done, BAD_INPUT, "line 3", "unknown profile 'galaxy-s-23': did you mean 'galaxy-s23'?", then="")


def test_the_list_shows_what_is_expected(lab: Path, home: Path) -> None:
    lab.write_text(LAB + 'profile = "generic-x86_64"\n')
    done = earshot("devices", "list", "--lab", str(lab), home=home)
    assert "generic-x86_64" in done.stdout, done.stderr
