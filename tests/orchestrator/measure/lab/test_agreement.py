"""What a profile says against what a probe finds."""

from dataclasses import replace
from pathlib import Path

import pytest

from agents.device_facts import DeviceProbe
from orchestrator.measure.lab.agreement import compare, described, found_clusters
from orchestrator.measure.lab.profile_files import load_profiles
from tests.orchestrator.measure.lab.kinds import KINDS, probe_of

PIXEL = load_profiles()["pixel-8"]


@pytest.fixture
def probe(tmp_path: Path) -> DeviceProbe:
    return probe_of(KINDS["pixel-8"], tmp_path)


def disagreements(found: DeviceProbe) -> dict[str, tuple[str, str]]:
    return {a.fact: (a.says, a.found) for a in compare(PIXEL, found) if a.agrees is False}


def test_clusters_are_written_as_people_do(probe: DeviceProbe) -> None:
    assert (
        described(found_clusters(probe)) == "4 x Cortex-A510 1.70 GHz, 4 x Cortex-A715 2.37 GHz, 1 x Cortex-X3 2.91 GHz"
    )


def test_a_cluster_that_is_offline_is_shown(tmp_path: Path) -> None:
    found = disagreements(probe_of(replace(KINDS["pixel-8"], online=8), tmp_path))
    assert found == {"clusters": ("3", "2"), "cluster 2": ("1 x Cortex-X3 2.91 GHz", "not there")}


def test_another_clock_is_shown(probe: DeviceProbe) -> None:
    slow = tuple(replace(c, max_hz=1_500_000_000) if c.cluster == 0 else c for c in probe.cores)
    assert disagreements(replace(probe, cores=slow)) == {
        "cluster 0": ("4 x Cortex-A510 1.70 GHz", "4 x Cortex-A510 1.50 GHz")
    }


def test_another_chip_and_less_memory_are_shown(probe: DeviceProbe) -> None:
    found = disagreements(replace(probe, soc="Google Tensor G2", memory_bytes=3 * 2**30))
    assert set(found) == {"SoC", "memory"}
    assert found["memory"] == ("8 GiB", "3.0 GiB usable")


def test_what_cannot_be_read_does_not_disagree(probe: DeviceProbe) -> None:
    hidden = replace(probe, soc=None, cores=(), memory_bytes=None)
    assert [a.agrees for a in compare(PIXEL, hidden)] == [None] * 6
    no_clocks = replace(probe, cores=tuple(replace(c, max_hz=None) for c in probe.cores))
    assert disagreements(no_clocks) == {}
