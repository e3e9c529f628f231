"""A drafted profile can be used as it is: it loads, it fits its device and wins over what fitted before."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.device_facts import DeviceProbe, ProviderProbe, RuntimeProbe, SensorProbe
from orchestrator.measure.lab.agreement import compare, found_clusters
from orchestrator.measure.lab.draft import draft_profile
from orchestrator.measure.lab.profile_files import load_profiles, parse_profile
from orchestrator.measure.lab.profiles import match_profile
from tests.orchestrator.measure.lab.kinds import KINDS, probe_of
from tests.orchestrator.measure.lab.test_profiles import PROBE

PROFILES = load_profiles()


@pytest.mark.parametrize("name", KINDS)
def test_a_draft_of_each_kind_is_the_one_that_counts(name: str, tmp_path: Path) -> None:
    probe = probe_of(KINDS[name], tmp_path)
    drafted = parse_profile("drafted", draft_profile(probe, match_profile(probe, PROFILES)))
    assert match_profile(probe, {**PROFILES, "drafted": drafted}) == drafted
    assert drafted.clusters == found_clusters(probe)
    assert all(line.agrees is not False for line in compare(drafted, probe))
    assert drafted.kind_of[0] == name


def test_a_device_that_no_profile_fits() -> None:
    probe = replace(
        PROBE,
        machine="riscv64",
        runtimes=(RuntimeProbe("onnxruntime", True, "1.23", None, (ProviderProbe("CPUExecutionProvider", True),)),),
        sensors=(SensorProbe("cpu", "temperature_c", True, "soc"), SensorProbe("rapl", "power", False, None, "none")),
    )
    text = draft_profile(probe, None)
    drafted = parse_profile("drafted", text)
    assert drafted.fits(probe)
    assert drafted.runtimes == {"onnxruntime": {"CPUExecutionProvider": "onnxruntime 1.23"}}
    assert set(drafted.sensors) == {"temperature_c.cpu"}
    assert "CHECK" in text


@given(model=st.text(min_size=1), soc=st.text(min_size=1), build=st.text())
def test_any_name_that_a_device_gives_itself_is_data(model: str, soc: str, build: str) -> None:
    probe: DeviceProbe = replace(PROBE, model=model, soc=soc, build=build, os="Android 14")
    drafted = parse_profile("drafted", draft_profile(probe, None))
    assert drafted.fits(probe)
    assert drafted.soc is not None
    assert drafted.soc.name == soc
