"""The wrong device behind a name is refused, with what it says it is and how to go on."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.errors import BadInput, WrongDevice
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.identity import profile_of, require_profile, require_same_model
from orchestrator.measure.lab.inventory import load_lab
from tests.orchestrator.measure.lab.kinds import KINDS, probe_of


def device(profile: str | None, name: str = "desk-phone") -> Device:
    return Device(name, "adb", host="10.0.0.8", profile=profile)


def refused(expected: Device, shown: str, folder: Path) -> WrongDevice:
    with pytest.raises(WrongDevice) as caught:
        require_profile(expected, probe_of(KINDS[shown], folder))
    return caught.value


def test_another_phone_behind_the_name(tmp_path: Path) -> None:
    error = refused(device("pixel-8"), "galaxy-s23", tmp_path)
    assert error.message == "lab.toml says pixel-8, the device says SM-S911B (galaxy-s23)"
    assert '[devices.desk-phone], or say profile = "galaxy-s23"' in (error.hint or "")


def test_a_bigger_sister_is_another_phone(tmp_path: Path) -> None:
    assert "the device says Pixel 8 Pro (pixel-8-pro)" in refused(device("pixel-8"), "pixel-8-pro", tmp_path).message


@pytest.mark.parametrize("expected", ["pixel-8", "generic-android", None])
def test_the_device_that_is_meant_and_its_more_general_kinds(expected: str | None, tmp_path: Path) -> None:
    require_profile(device(expected), probe_of(KINDS["pixel-8"], tmp_path))


def test_a_device_that_no_profile_knows(tmp_path: Path) -> None:
    probe = replace(probe_of(KINDS["generic-aarch64"], tmp_path), machine="riscv64")
    with pytest.raises(WrongDevice, match=r"the device says Some Board \(no profile fits\)") as caught:
        require_profile(device("pixel-8"), probe)
    assert "leave profile out" in (caught.value.hint or "")


def test_the_labs_own_profiles_count(tmp_path: Path) -> None:
    own = tmp_path / "device_profiles"
    own.mkdir()
    (own / "desk.toml").write_text(
        'extends = "generic-android"\ntitle = "the desk phone"\npriority = 99\n[match]\nmodel = "Some Phone"\n'
    )
    (tmp_path / "lab.toml").write_text('[devices.d]\nhost = "d.lan"\nprofile = "desk"\n')
    expected = load_lab(tmp_path / "lab.toml").devices["d"]
    probe = probe_of(KINDS["generic-android"], tmp_path / "root")
    require_profile(expected, probe)
    found = profile_of(probe, expected.profiles_dir)
    assert found is not None
    assert found.name == "desk"


def test_an_unknown_profile_is_told_with_its_line_and_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "lab.toml").write_text('[devices.d]\nhost = "d.lan"\nprofile = "pixel8"\n')
    with pytest.raises(BadInput, match=r"line 3: \[devices.d\] unknown profile 'pixel8': did you mean 'pixel-8'\?"):
        load_lab(tmp_path / "lab.toml")


LEDGER = "/results/ledger.db"


def test_a_name_that_now_answers_as_another_model_is_refused() -> None:
    with pytest.raises(WrongDevice) as caught:
        require_same_model(device(None), "sm-s911b", ["pixel-7", "pixel-8"], LEDGER)
    assert caught.value.message == "desk-phone was pixel-8 in /results/ledger.db, now it answers as sm-s911b"
    assert "say its profile in [devices.desk-phone]" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("profile", "earlier"), [(None, []), (None, ["sm-s911b"]), (None, ["pixel-8", "sm-s911b"]), ("galaxy-s23", ["x"])]
)
def test_no_expectation_is_not_disappointed(profile: str | None, earlier: list[str]) -> None:
    require_same_model(device(profile), "sm-s911b", earlier, LEDGER)


def test_another_machine_under_local_is_told_what_to_do() -> None:
    with pytest.raises(WrongDevice) as caught:
        require_same_model(Device("local", "local"), "laptop-b", ["laptop-a"], LEDGER)
    assert "--results" in (caught.value.hint or "")
