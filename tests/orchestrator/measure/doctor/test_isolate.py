"""Isolation that is really done on a stand-in board over the genuine sshd: interrupts, governor, power mode. What
cannot be done is said and recorded, and all of it is undone, by the next one too.
"""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from agents.doctor.facts import AndroidFacts, DoctorFacts, Irq
from orchestrator.domain.isolation import IsolationStep
from orchestrator.measure.doctor.isolate import proposals
from orchestrator.measure.doctor.isolation import Isolation
from orchestrator.measure.doctor.quieted import quieted
from orchestrator.measure.doctor.repair import Outcome
from orchestrator.measure.standin.kinds.interrupts import affinity_of, interrupts
from orchestrator.measure.standin.lab_text import lab_text
from orchestrator.measure.standin.rootfs import File, programs
from tests.benches import Bench, MakeBench, board
from tests.orchestrator.measure.doctor.test_rules import QUIET, policy

ETH, MMC = 106, 161
# A stand-in for NVIDIA's nvpmodel: mode 2 needs a restart, which it asks for; a no leaves the mode as it was.
NVPMODEL = """#!/bin/sh
[ -s /var/tmp/mode ] && now=$(cat /var/tmp/mode) || now=1
case "$1 $2" in
"-q ") echo "NV Power Mode: MODE_$now"; echo "$now" ;;
"-m 2") echo "NVPM WARN: Reboot required"; read answer; [ "$answer" = yes ] && echo 2 > /var/tmp/mode; exit 0 ;;
"-m "*) echo "$2" > /var/tmp/mode ;;
esac
"""
CONTROLLER = """
import sys, time
from pathlib import Path
from orchestrator.measure.doctor.isolation import Isolation
from orchestrator.measure.doctor.quieted import quieted
from orchestrator.measure.lab.inventory import find_device, load_lab
from orchestrator.workflows.prepare import deploy_agent
from orchestrator.workflows.progress import Silent
device = find_device(load_lab(Path(sys.argv[1])), "pi5")
agent, _ = deploy_agent(device, Silent())
asked = Isolation(("irq", "governor"), (2, 3))
with quieted(agent, device, lambda text: None, wanted=False, asked=asked):
    print("quiet", flush=True)
    time.sleep(600)
"""


# A Pi whose Ethernet and SD card interrupt all four cores.
INTERRUPTED = board(shows=interrupts({ETH: "eth0", MMC: "mmc0"}, "0-3"))


def test_interrupts_leave_the_cores_that_are_measured_and_come_back(make_bench: MakeBench) -> None:
    bench = make_bench(INTERRUPTED)
    bench.sets("0", affinity_of(MMC))
    told: list[str] = []
    asked = Isolation(("irq",), (2, 3))
    with quieted(bench.agent, bench.device, told.append, wanted=False, asked=asked) as steps:
        assert bench.says(affinity_of(ETH)) == "0-1"
        assert bench.says(affinity_of(MMC)) == "0", "it was on none of them"
        assert bench.says() == "ondemand", "the governor was not asked for"
        assert bench.journal.exists()
    assert steps == (IsolationStep("irq", True, "1 of 1 interrupts moved off CPUs 2-3"),)
    assert bench.says(affinity_of(ETH)) == "0-3"
    assert not bench.journal.exists()
    assert told == ["pi5: irq: 1 of 1 interrupts moved off CPUs 2-3", "pi5: as it was before"]


def test_a_controller_that_died_leaves_the_way_back(make_bench: MakeBench, tmp_path: Path) -> None:
    bench = make_bench(INTERRUPTED)
    lab = tmp_path / "lab.toml"
    lab.write_text(lab_text([bench.device]))
    with subprocess.Popen([sys.executable, "-c", CONTROLLER, str(lab)], stdout=subprocess.PIPE) as controller:
        assert controller.stdout is not None
        assert controller.stdout.readline() == b"quiet\n"
        controller.send_signal(signal.SIGKILL)
    assert (bench.says(affinity_of(ETH)), bench.says()) == ("0-1", "performance")
    with quieted(bench.agent_again(), bench.device, print, wanted=False):
        assert (bench.says(affinity_of(ETH)), bench.says()) == ("0-3", "ondemand")
    assert not bench.journal.exists()


def test_an_interrupted_controller_has_undone_what_it_had_begun(make_bench: MakeBench) -> None:
    bench = make_bench(INTERRUPTED)

    def interrupted(text: str) -> None:
        if "irq" in text:
            raise KeyboardInterrupt

    asked = Isolation(("governor", "irq"), (2, 3))
    with pytest.raises(KeyboardInterrupt), quieted(bench.agent, bench.device, interrupted, wanted=False, asked=asked):
        raise AssertionError("it is not reached")
    assert (bench.says(affinity_of(ETH)), bench.says()) == ("0-3", "ondemand")
    assert not bench.journal.exists()


def test_a_power_mode_that_needs_a_restart_is_not_taken_and_that_is_recorded(make_bench: MakeBench) -> None:
    bench = make_bench(board(more=programs({"nvpmodel": File(NVPMODEL, mode=0o755)})))
    mode = bench.standin.host.disk.path("/var/tmp/mode")
    with quieted(bench.agent, bench.device, print, wanted=False, asked=Isolation(("power-mode=0",))) as steps:
        assert mode.read_text().strip() == "0"
    assert steps == (IsolationStep("power-mode=0", True, "echo 'no\n' | sudo nvpmodel -m 0"),)
    assert mode.read_text().strip() == "1"
    with quieted(bench.agent, bench.device, print, wanted=False, asked=Isolation(("power-mode=2",))) as steps:
        assert mode.read_text().strip() == "1"
    assert [(step.done, "did not take it" in step.detail) for step in steps] == [(False, True)]
    assert mode.read_text().strip() == "1"


def test_a_stand_in_cannot_reach_the_interrupts_of_this_machine(bench: Bench) -> None:
    asked = Isolation(("priority",))
    with quieted(bench.agent, bench.device, print, wanted=False, asked=asked) as steps:
        assert steps == (), "a priority is each session's own: nothing is looked at"
    script = "for f in /proc/irq/*/smp_affinity_list; do echo 0 > $f && exit 1; done; exit 0"
    done = bench.agent.transport.exec(["sh", "-c", script])
    assert done.ok
    assert b"Read-only file system" in done.stderr or not list(Path("/proc/irq").glob("*/smp_affinity_list"))


def step_of(asked: Isolation, **changes: object) -> IsolationStep:
    """What is said of the one step that cannot be done."""
    facts = replace(QUIET, **changes)  # type: ignore[arg-type]
    (found,) = proposals(asked, facts, [], range(4), quiet=False)
    assert found.changes == ()
    return found.outcome({})


def test_what_cannot_be_done_is_recorded_with_its_reason() -> None:
    irq = Isolation(("irq",), (2, 3))
    assert "cannot be seen" in step_of(irq, absent={"irq": "/proc/irq cannot be seen here"}).detail
    assert "--cluster or --cpus" in step_of(Isolation(("irq",))).detail
    assert "use every core" in step_of(Isolation(("irq",), (0, 1, 2, 3))).detail
    assert "systemctl stop irqbalance" in step_of(irq, irq_balancer="irqbalance").detail
    assert "neither a Jetson nor Android" in step_of(Isolation(("clocks",))).detail
    assert "not a Jetson" in step_of(Isolation(("power-mode=1",))).detail
    for step in (step_of(irq, irq_balancer="irqbalance"), step_of(Isolation(("clocks",)))):
        assert not step.done
        assert str(step).startswith(f"{step.name} not done: ")


def test_what_is_so_already_is_done() -> None:
    step = step_of(Isolation(("irq",), (2, 3)))
    assert (step.done, step.detail) == (True, "no interrupt was on CPUs 2-3")


def test_a_governor_brings_the_cap_with_it() -> None:
    facts = policy(governor="schedutil", max_hz=15 * 10**8)
    (found,) = proposals(Isolation(("governor",)), facts, [], range(4), quiet=False)
    assert [change.stdin for change in found.changes] == ["performance", "2000000"]


def test_androids_fixed_performance_mode_goes_through_the_adb_shell() -> None:
    (found,) = proposals(Isolation(("clocks",)), on_android(14), [], range(8), quiet=False)
    (change,) = found.changes
    assert change.shown == "adb shell cmd power set-fixed-performance-mode-enabled true"
    assert change.undo_shown == "adb shell cmd power set-fixed-performance-mode-enabled false"
    refused = found.outcome({change: Outcome(change, "needs the adb shell")})
    assert (refused.done, refused.detail) == (False, f"{change.shown}: needs the adb shell")
    (old,) = proposals(Isolation(("clocks",)), on_android(10), [], range(8), quiet=False)
    assert "Android 10 has no fixed performance mode" in old.outcome({}).detail


def on_android(release: int) -> DoctorFacts:
    return replace(QUIET, android=AndroidFacts(release))


def test_interrupts_that_belong_to_a_core_stay_and_are_counted() -> None:
    irqs = tuple(Irq(n, f"/proc/irq/{n}/smp_affinity_list", "0-3", ("x",)) for n in (7, 8))
    (found,) = proposals(Isolation(("irq",), (3,)), replace(QUIET, irqs=irqs), [], range(4), quiet=False)
    moved, kept = found.changes
    assert (moved.stdin, moved.undo_stdin) == ("0-2", "0-3")
    step = found.outcome({moved: Outcome(moved), kept: Outcome(kept, "tee: Input/output error")})
    assert step.done
    assert step.detail == "1 of 2 interrupts moved off CPUs 3; 1 cannot be moved (tee: Input/output error)"
    none = found.outcome({change: Outcome(change, "needs root") for change in found.changes})
    assert not none.done
