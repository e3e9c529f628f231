import string
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.device_facts import DeviceProbe, DeviceState
from orchestrator.errors import BadInput
from orchestrator.measure.lab.profile_files import load_profiles, profile_names
from orchestrator.measure.lab.profiles import DeviceProfile, device_model_slug, match_profile

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


def test_a_stand_in_is_a_model_of_its_own() -> None:
    probe = replace(PROBE, model="Pixel 8", virtual="stand-in: Pixel 8, hypervisor: cpu flag")
    assert device_model_slug(probe) == "stand-in-pixel-8"


@given(model=st.text(), machine=st.text())
def test_slug_is_always_a_plain_folder_name(model: str, machine: str) -> None:
    slug = device_model_slug(replace(PROBE, model=model, machine=machine))
    assert set(slug) <= set(string.ascii_lowercase + string.digits + "-")
    assert slug.strip("-") == slug != ""
    assert len(slug) <= 60


def _profiles(folder: Path, **texts: str) -> dict[str, DeviceProfile]:
    for name, text in texts.items():
        (folder / f"{name}.toml").write_text(text)
    return {name: load_profiles(folder)[name] for name in (path.stem for path in folder.glob("*.toml"))}


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
        ('title = "a board"', 'title = "a board"\nname = "b"', "unknown key 'name'"),
        ('title = "a board"', 'title = "a board"\nextends = "none"', "extends 'none', which is no profile"),
        ('title = "a board"', 'title = "a board"\nextends = "a"', "in a circle: a -> a"),
        ("[sensors]", '[soc]\nname = "X"\n[sensors]', "soc needs its source"),
        ("[sources]", '[[clusters]]\ncores = 0\ncore = "X"\n[sources]\nclusters = "x"', "cores must be in 1..256"),
        (
            "[sources]",
            '[[clusters]]\ncores = 4\ncore = "X"\nmax_mhz = 2400000\n[sources]\nclusters = "x"',
            "max_mhz must be in 100..10000",
        ),
        ("[sources]", '[memory]\nbandwidth_gb_s = 0\n[sources]\nmemory = "x"', "bandwidth_gb_s must be > 0"),
        (
            "[sources]",
            '[memory]\ntransfer_mts = 4267\nbus_bits = 64\nbandwidth_gb_s = 17.0\n[sources]\nmemory = "x"',
            "64 bit at 4267 MT/s is 34.1 GB/s",
        ),
    ],
)
def test_a_wrong_profile_names_file_and_fault(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        _profiles(tmp_path, a=PROFILE.replace(old, new))


CHILD = """
extends = "{parent}"
title = "a kind of it"
[match]
model = "Raspberry Pi 5 .*"
[runtimes.onnxruntime]
Other = "its own"
[absent]
sensor = "not on this one"
[sources]
"""


def test_a_profile_extends_another_and_says_what_differs(tmp_path: Path) -> None:
    parent = PROFILE.replace("[sensors]", '[sensors]\nsensor = "here"\nother = "there"')
    child = _profiles(tmp_path, parent=parent, child=CHILD.format(parent="parent"))["child"]
    assert child.kind_of == ("parent",)
    assert child.python == "python3"
    assert child.match == {"model": "Raspberry Pi 5 .*"}
    assert child.runtimes == {"onnxruntime": {"Other": "its own", "CPUExecutionProvider": "the wheel"}}
    assert child.sensors == {"other": "there"}
    assert child.absent == {"sensor": "not on this one"}


def test_what_the_parent_lacks_the_child_may_have(tmp_path: Path) -> None:
    parent = PROFILE.replace("[absent]", '[absent]\nOther = "not built in"')
    assert _profiles(tmp_path, parent=parent, child=CHILD.format(parent="parent"))["child"].absent == {
        "sensor": "not on this one"
    }


def test_a_labs_own_profiles_join_and_replace_the_shipped_ones(tmp_path: Path) -> None:
    (tmp_path / "own-board.toml").write_text(CHILD.format(parent="raspberry-pi-5"))
    (tmp_path / "pixel-8.toml").write_text(PROFILE)
    (tmp_path / ".hidden.toml").write_text("no [toml")
    profiles = load_profiles(tmp_path)
    assert profiles["own-board"].kind_of[0] == "raspberry-pi-5"
    assert profiles["pixel-8"].title == "a board"
    assert "own-board" in profile_names(tmp_path)
    assert "own-board" not in profile_names()
    assert set(load_profiles(tmp_path / "none")) == set(load_profiles())


def test_one_of_several_device_tree_names_is_enough(tmp_path: Path) -> None:
    text = PROFILE.replace("model =", "compatible =").replace("Raspberry Pi 5.*", "maker,board-.")
    profile = _profiles(tmp_path, a=text)["a"]
    assert profile.fits(replace(PROBE, compatible=("other", "maker,board-1", "maker,chip")))
    assert not profile.fits(replace(PROBE, compatible=("maker,board-12",)))
    assert not profile.fits(PROBE)
