"""Runs on a stand-in board of several clusters: held to one and kept to itself; refused where it is not there."""

import json
import os
from pathlib import Path

import pytest

from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.standin.kinds.interrupts import affinity_of, interrupts
from orchestrator.measure.standin.lab_text import lab_text
from orchestrator.measure.standin.rootfs import File
from tests.benches import Bench, MakeBench, board, make_bench
from tests.orchestrator.cli.command import BAD_INPUT, assert_refused, earshot

__all__ = ["make_bench"]
# CPUs of this machine, whose times the board's are; the last one of the board is not there.
LITTLE, BIG, ABSENT = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0)), 4094
KHZ = {LITTLE: 1_800_000, BIG: 2_400_000, ABSENT: 2_800_000}
ETH = 106


def shows() -> dict[str, File]:
    """A core of each of three clusters, and an interrupt that any of two may serve."""
    cpu = "/sys/devices/system/cpu"
    blocks = [f"processor\t: {n}\nCPU implementer\t: 0x41\nCPU part\t: 0xd0{i}\n" for i, n in enumerate(KHZ, 5)]
    cores = {f"{cpu}/cpu{n}/cpufreq/cpuinfo_max_freq": File(f"{khz}\n") for n, khz in KHZ.items() if n > 3}
    return {
        "/proc/cpuinfo": File("\n".join(blocks)),
        # Those below 4 are links to the board's own policy.
        **{f"{cpu}/cpu{n}/cpu_capacity": File(f"{khz // 2734}\n") for n, khz in KHZ.items()},
        **cores,
        **interrupts({ETH: "eth0"}, f"{LITTLE},{BIG}"),
    }


@pytest.fixture
def bench(make_bench: MakeBench) -> Bench:
    if LITTLE == BIG:
        pytest.skip("a machine with one CPU has no two clusters to stand in for")
    return make_bench(board(shows=shows()))


def test_held_to_a_cluster_and_kept_to_itself(bench: Bench, results: Path, tmp_path: Path) -> None:
    lab = tmp_path / "lab.toml"
    lab.write_text(lab_text([bench.device]))
    asked = ["run", "mini", "--device", "pi5", "--lab", str(lab), "--results", str(results), "--mode", "flat-out"]
    asked += ["--seconds", "1"]
    steps = "governor,irq,priority,clocks"
    done = earshot(*asked, "--cluster", "big", "--isolate", steps, "--json", home=tmp_path)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    scheduling = said["result"]["scheduling"]
    assert (scheduling["cpus_requested"], scheduling["cpus_used"], scheduling["refused"]) == ([BIG], [BIG], {})
    assert scheduling["priority_used"] == "nice -19"
    assert said["result"]["before"]["governor"] == "performance"
    with Ledger.open(results / "ledger.db") as ledger:
        session = ledger.session(said["session"])
    assert session is not None
    assert session.planned.candidate.cpus == f"big ({BIG})"
    isolation = {step.name: step for step in session.environment.isolation}
    assert [(name, step.done) for name, step in isolation.items()] == [
        ("governor", True),
        ("clocks", False),
        ("irq", True),
    ]
    assert isolation["irq"].detail == f"1 of 1 interrupts moved off CPUs {BIG}"
    assert "neither a Jetson nor Android" in isolation["clocks"].detail
    assert "not done: neither a Jetson nor Android" in done.stderr
    assert (bench.says(), bench.says(affinity_of(ETH))) == ("ondemand", f"{LITTLE},{BIG}")
    assert not bench.journal.exists()

    absent = earshot(*asked, "--cluster", "prime", "--json", home=tmp_path)
    assert absent.returncode == 0, absent.stderr
    figures = {figure["name"]: figure for figure in json.loads(absent.stdout)["figures"]}
    assert figures["verdict"]["value"] == "invalid"
    assert f"prime ({ABSENT}): asked for and not given: CPUs {ABSENT}: Invalid argument" in figures["verdict"]["note"]

    unknown = earshot(*asked, "--cluster", "gold", home=tmp_path)
    assert_refused(unknown, BAD_INPUT, "pi5 has no cluster 'gold'", then=f"little ({LITTLE}), big ({BIG}), prime")
