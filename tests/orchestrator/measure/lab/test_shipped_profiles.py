"""The profiles that Earshot ships: each is found by what its device shows, by no other, and has its sources."""

import re
import tomllib
from dataclasses import replace
from importlib import resources
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.device_facts import DeviceProbe
from agents.probe import android
from agents.probe.core_names import core_name
from orchestrator.measure.lab.agreement import compare
from orchestrator.measure.lab.profile_files import load_profiles, profile_names
from orchestrator.measure.lab.profiles import match_profile
from tests.orchestrator.measure.lab.kinds import KINDS, probe_of

PROFILES = load_profiles()
SAMPLES = Path(__file__).parents[5] / "shared" / "samples"


@pytest.fixture(scope="module")
def probes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, DeviceProbe]:
    return {name: probe_of(shown, tmp_path_factory.mktemp(name)) for name, shown in KINDS.items()}


def test_each_profile_has_a_device_that_shows_it() -> None:
    assert set(KINDS) == set(PROFILES) == set(profile_names())


@pytest.mark.parametrize("name", KINDS)
def test_the_device_is_matched(name: str, probes: dict[str, DeviceProbe]) -> None:
    found = match_profile(probes[name], PROFILES)
    assert found is not None
    assert found.name == name


def test_no_two_fit_one_device_at_the_same_priority(probes: dict[str, DeviceProbe]) -> None:
    for name, probe in probes.items():
        fitting = [p for p in PROFILES.values() if p.fits(probe)]
        ties = [(a.name, b.name) for a, b in combinations(fitting, 2) if a.priority == b.priority]
        assert not ties, f"{name}: {ties}"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(first=st.sampled_from(sorted(KINDS)), second=st.sampled_from(sorted(KINDS)), data=st.data())
def test_facts_of_two_devices_mixed_never_tie(
    probes: dict[str, DeviceProbe], first: str, second: str, data: st.DataObject
) -> None:
    # One device tree holds both the model and the names.
    together = [("model", "compatible"), ("soc",), ("machine",), ("os",), ("manufacturer",)]
    facts = [fact for group in data.draw(st.sets(st.sampled_from(together))) for fact in group]
    match_profile(replace(probes[first], **{fact: getattr(probes[second], fact) for fact in facts}), PROFILES)


@pytest.mark.parametrize("name", KINDS)
def test_the_device_agrees_with_its_profile(name: str, probes: dict[str, DeviceProbe]) -> None:
    lines = compare(PROFILES[name], probes[name])
    assert [line for line in lines if line.agrees is not True] == []
    if not name.startswith("generic"):
        assert {"SoC", "clusters", "cluster 0", "memory"} <= {line.fact for line in lines}


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_facts_and_sources(name: str) -> None:
    profile = PROFILES[name]
    assert profile.title
    assert profile.python
    assert profile.runtimes["onnxruntime"]["CPUExecutionProvider"]
    assert profile.sensors
    assert profile.absent
    if not name.startswith("generic"):
        assert profile.soc is not None
        assert profile.clusters
        assert profile.memory is not None
        assert {"match", "soc", "clusters", "memory", "runtimes", "sensors"} <= set(profile.sources)
        if profile.memory.bandwidth_gb_s is None:
            assert "memory bandwidth" in profile.absent, "absent needs its reason"


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_a_table_of_ones_own_has_a_source_of_its_own(name: str) -> None:
    table = tomllib.loads((resources.files("device_profiles") / f"{name}.toml").read_text(encoding="utf-8"))
    for key in ("soc", "clusters", "memory"):
        assert key not in table or key in table["sources"]


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_no_fact_is_there_and_absent(name: str) -> None:
    profile = PROFILES[name]
    there = {*profile.sensors, *(p for providers in profile.runtimes.values() for p in providers)}
    assert not there & set(profile.absent)


def test_parts_and_names_of_cores_are_those_of_the_agent() -> None:
    for profile in PROFILES.values():
        for cluster in profile.clusters:
            assert core_name(cluster.part or "") == cluster.core


@pytest.mark.parametrize(
    ("name", "absent"),
    [
        ("raspberry-pi-4", "power of the board"),
        ("raspberry-pi-4", "power.pmic"),
        ("raspberry-pi-5", "power of the input"),
        ("jetson-nano", "CUDAExecutionProvider"),
        ("jetson-orin-nano", "DLA"),
        ("pixel-8", "TPU providers"),
        ("galaxy-s24-exynos", "NPU providers"),
        ("generic-android", "root"),
    ],
)
def test_what_is_not_there_says_why(name: str, absent: str) -> None:
    assert len(PROFILES[name].absent[absent]) > 10


# As makers fill them in: only a partition's model, and a chip that no phone of ours has. The real ones of ../shared,
# where that is, come after them.
GETPROPS = [
    ("[ro.product.product.model]: [moto g75 5G]\n[ro.soc.manufacturer]: [QTI]\n[ro.soc.model]: [SM6475]\n", "moto-g75"),
    (
        "[ro.product.model]: [Some Glasses]\n[ro.soc.manufacturer]: [QTI]\n[ro.soc.model]: [SM6450]\n",
        "generic-android-qualcomm",
    ),
    ("[ro.product.model]: [Some Phone]\n[ro.board.platform]: [kona]\n", "generic-android"),
    *(
        ((SAMPLES / sample).read_text(), name)
        for sample, name in [
            ("getprop_moto_g75.txt", "moto-g75"),
            ("getprop_snapdragon_6gen1.txt", "generic-android-qualcomm"),
        ]
        if (SAMPLES / sample).exists()
    ),
]


@pytest.mark.parametrize(("text", "name"), GETPROPS)
def test_phones_by_their_getprop(text: str, name: str, probes: dict[str, DeviceProbe]) -> None:
    properties = android.parse_getprop(text)
    model = android.model(properties)
    assert model is not None
    probe = replace(probes["generic-android"], model=model, soc=android.soc(properties))
    found = match_profile(probe, PROFILES)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    ("kind", "changes", "name"),
    [
        # A maker may write either name of itself and of its chip.
        ("galaxy-s23", {"soc": "Qualcomm SM8550-AC"}, "galaxy-s23"),
        ("galaxy-s22-exynos", {"soc": "samsung Exynos2200"}, "galaxy-s22-exynos"),
        ("galaxy-s24-exynos", {"model": "SM-S926N"}, "galaxy-s24-exynos"),
        # The Ultra of 2024 has one chip everywhere.
        ("galaxy-s24-exynos", {"model": "SM-S928B"}, "generic-android"),
        ("jetson-orin-nx", {"compatible": ("nvidia,p3509-0000+p3767-0000", "nvidia,tegra234")}, "jetson-orin-nx"),
        (
            "jetson-orin-nano",
            {"compatible": ("vendor,carrier", "nvidia,p3767-0003", "nvidia,tegra234")},
            "jetson-orin-nano",
        ),
        ("pixel-8", {"model": "Pixel 8a"}, "generic-android"),
        ("raspberry-pi-5", {"model": "Raspberry Pi 500 Rev 1.0"}, "generic-raspberry-pi"),
        ("raspberry-pi-4", {"machine": "armv7l"}, "raspberry-pi-4"),
    ],
)
def test_variants(kind: str, changes: dict[str, object], name: str, probes: dict[str, DeviceProbe]) -> None:
    found = match_profile(replace(probes[kind], **changes), PROFILES)
    assert found is not None
    assert found.name == name


def test_names_of_profiles_are_plain() -> None:
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name) for name in PROFILES)
