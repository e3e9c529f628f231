import string
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.device_facts import DeviceProbe, DeviceState
from orchestrator.errors import BadInput
from orchestrator.measure.lab.profiles import DeviceProfile, device_model_slug, load_profiles, match_profile

PROBE = DeviceProbe(
    model="Raspberry Pi 5 Model B Rev 1.0",
    soc="brcm,bcm2712",
    machine="aarch64",
    cores=(),
    memory_bytes=None,
    os="Debian GNU/Linux 12 (bookworm)",
    kernel="6.6.31",
    python="3.11.2",
    numpy="1.24.2",
    libc="glibc 2.36",
    context="ssh",
    runtimes=(),
    sensors=(),
    state=DeviceState(),
)
PROFILE = """
title = "a board"
python = "python3"
[match]
model = "Raspberry Pi 5.*"
[runtimes.onnxruntime]
CPUExecutionProvider = "the wheel"
[sensors]
[absent]
[sources]
"""


@pytest.mark.parametrize(
    ("model", "slug"),
    [
        ("Raspberry Pi 5 Model B Rev 1.0", "raspberry-pi-5-model-b-rev-1-0"),
        ("AMD EPYC 7R13 Processor", "amd-epyc-7r13-processor"),
        ("../../etc/passwd", "etc-passwd"),
        ("…", "unknown-aarch64"),
        ("x" * 100, "x" * 60),
    ],
)
def test_slug(model: str, slug: str) -> None:
    assert device_model_slug(replace(PROBE, model=model)) == slug


@given(model=st.text(), machine=st.text())
def test_slug_is_always_a_plain_folder_name(model: str, machine: str) -> None:
    slug = device_model_slug(replace(PROBE, model=model, machine=machine))
    assert set(slug) <= set(string.ascii_lowercase + string.digits + "-")
    assert slug.strip("-") == slug != ""
    assert len(slug) <= 60


def test_the_shipped_profiles_load_and_each_has_facts() -> None:
    profiles = load_profiles()
    assert {"generic-x86_64", "generic-aarch64"} <= set(profiles)
    for name, profile in profiles.items():
        assert profile.name == name
        assert profile.runtimes
        assert profile.sensors
        assert profile.absent


@pytest.mark.parametrize(
    ("machine", "os", "name"),
    [
        ("aarch64", "Debian GNU/Linux 12 (bookworm)", "generic-aarch64"),
        ("x86_64", "Ubuntu 24.04 LTS", "generic-x86_64"),
        ("aarch64", "Android 14", None),
        ("riscv64", "Debian GNU/Linux 13 (trixie)", None),
    ],
)
def test_match(machine: str, os: str, name: str | None) -> None:
    found = match_profile(replace(PROBE, machine=machine, os=os), load_profiles())
    assert (found.name if found else None) == name


def _profiles(folder: Path, **texts: str) -> dict[str, DeviceProfile]:
    for name, text in texts.items():
        (folder / f"{name}.toml").write_text(text)
    return load_profiles(folder)


def test_the_higher_priority_wins_and_a_tie_is_refused(tmp_path: Path) -> None:
    profiles = _profiles(tmp_path, general=PROFILE, special="priority = 5\n" + PROFILE)
    found = match_profile(PROBE, profiles)
    assert found is not None
    assert found.name == "special"
    profiles = _profiles(tmp_path, twin="priority = 5\n" + PROFILE)
    with pytest.raises(BadInput, match="special and twin equally well"):
        match_profile(PROBE, profiles)


def test_a_fact_that_the_device_does_not_tell_does_not_match(tmp_path: Path) -> None:
    profiles = _profiles(tmp_path, a=PROFILE.replace("model =", "soc ="))
    assert match_profile(replace(PROBE, soc=None), profiles) is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title", "tilte", "unknown keys .*tilte"),
        ('model = "Raspberry Pi 5.*"', "", "got nothing"),
        ("model =", "colour =", "colour"),
        ("Raspberry Pi 5.*", "(", "regular expression"),
        ("[match]", "[match", "profile a.toml"),
        ('title = "a board"', 'title = "a board"\nschema = 2', "schema must be 1, got 2"),
    ],
)
def test_a_wrong_profile_names_file_and_fault(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        _profiles(tmp_path, a=PROFILE.replace(old, new))
