"""Governors, limits and quotas from trees of our own. Formats: Linux admin-guide, cpufreq and cgroups."""

from pathlib import Path

import pytest

from agents.doctor import cpu
from tests.agents.tree import lay

POLICY = "sys/devices/system/cpu/cpufreq/policy0"


def policy(root: Path, **changes: str) -> str:
    values = {
        "scaling_governor": "schedutil\n",
        "scaling_available_governors": "performance powersave schedutil \n",
        "scaling_min_freq": "600000\n",
        "scaling_max_freq": "1500000\n",
        "cpuinfo_min_freq": "600000\n",
        "cpuinfo_max_freq": "2400000\n",
        **changes,
    }
    return lay(root, {f"{POLICY}/{name}": text for name, text in values.items()})


def test_a_policy_in_hz(tmp_path: Path) -> None:
    absent: dict[str, str] = {}
    (found,) = cpu.policies(policy(tmp_path), absent)
    assert (found.name, found.governor) == ("policy0", "schedutil")
    assert found.governors == ("performance", "powersave", "schedutil")
    assert (found.min_hz, found.max_hz, found.hardware_max_hz) == (600_000_000, 1_500_000_000, 2_400_000_000)
    assert absent == {}


def test_without_cpufreq_both_checks_say_so(tmp_path: Path) -> None:
    absent: dict[str, str] = {}
    assert cpu.policies(str(tmp_path), absent) == ()
    assert set(absent) == {"governor", "frequency"}


def test_a_governor_that_is_no_text_is_no_governor(tmp_path: Path) -> None:
    absent: dict[str, str] = {}
    root = policy(tmp_path, scaling_governor="", scaling_max_freq="soon\n")
    assert cpu.policies(root, absent)[0].governor is None
    assert set(absent) == {"governor", "frequency"}


@pytest.mark.parametrize(("text", "cores"), [("max 100000", None), ("150000 100000", 1.5), ("20000 100000\n", 0.2)])
def test_cpu_max(text: str, cores: float | None) -> None:
    assert cpu.parse_cpu_max(text) == cores


@pytest.mark.parametrize("text", ["", "100000", "a b", "1 0"])
def test_cpu_max_of_another_kind_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        cpu.parse_cpu_max(text)


def test_the_tightest_quota_above_us_counts(tmp_path: Path) -> None:
    root = lay(
        tmp_path,
        {
            "proc/self/cgroup": "0::/user.slice/session.scope\n",
            "sys/fs/cgroup/cgroup.procs": "1\n",
            "sys/fs/cgroup/user.slice/cpu.max": "50000 100000\n",
            "sys/fs/cgroup/user.slice/session.scope/cpu.max": "max 100000\n",
        },
    )
    absent: dict[str, str] = {}
    assert cpu.quota_cores(root, absent) == 0.5
    assert absent == {}


def test_a_quota_of_the_first_kind_of_cgroups(tmp_path: Path) -> None:
    root = lay(
        tmp_path,
        {
            "proc/self/cgroup": "4:memory:/box\n2:cpu,cpuacct:/box\n0::/\n",
            "sys/fs/cgroup/cpu,cpuacct/cgroup.procs": "1\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us": "75000\n",
            "sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us": "50000\n",
        },
    )
    assert cpu.quota_cores(root, {}) == 1.5


def test_cgroups_that_cannot_be_seen_are_not_unlimited(tmp_path: Path) -> None:
    absent: dict[str, str] = {}
    assert cpu.quota_cores(lay(tmp_path, {"proc/self/cgroup": "0::/box\n"}), absent) is None
    assert "cpu-quota" in absent
