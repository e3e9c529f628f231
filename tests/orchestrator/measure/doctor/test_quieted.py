"""A governor that is really changed on a stand-in board, over the genuine sshd, and changed back whatever happens."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.errors import CommandFailed, LeaseLost
from orchestrator.measure.doctor import undo_journal
from orchestrator.measure.doctor.diagnose import examine
from orchestrator.measure.doctor.finding import HARM, OK, UNKNOWN, WARN, file_change
from orchestrator.measure.doctor.quieted import quieted
from orchestrator.measure.doctor.repair import apply, hands, undo
from orchestrator.measure.standin.lab_text import lab_text
from orchestrator.measure.standin.rootfs import File, programs
from tests.benches import GOVERNOR, MOST_KHZ, Bench, MakeBench, board, pi_with_sudo
from tests.hosts import require_program

# A stand-in for NVIDIA's: --show as the Jetson Linux Developer Guide prints it, --store and --restore do what it says.
JETSON_CLOCKS = """#!/bin/sh
[ -s /var/tmp/clocks ] && now=$(cat /var/tmp/clocks) || now=729600
case "$1" in
--show) echo "SOC family:tegra234  Machine:stand-in"; echo "Online CPUs: 0-3"
    for cpu in 0 1 2 3; do
        echo "cpu$cpu:  Online=1 Governor=schedutil MinFreq=$now MaxFreq=1510400 CurrentFreq=$now IdleStates: WFI=1"
    done ;;
--store) echo "$now" > "$2" ;;
--restore) cat "$2" > /var/tmp/clocks ;;
"") echo 1510400 > /var/tmp/clocks ;;
esac
"""
NVPMODEL = "#!/bin/sh\necho 'NV Power Mode: 15W'\necho 0\n"
QUIETING_CONTROLLER = """
import sys, time
from pathlib import Path
from orchestrator.measure.doctor.quieted import quieted
from orchestrator.measure.lab.inventory import find_device, load_lab
from orchestrator.workflows.prepare import deploy_agent
from orchestrator.workflows.progress import Silent
device = find_device(load_lab(Path(sys.argv[1])), "pi5")
agent, _ = deploy_agent(device, Silent())
with quieted(agent, device, lambda text: None):
    print("quiet", flush=True)
    time.sleep(600)
"""


def test_what_is_seen_of_a_board_and_what_is_not(bench: Bench) -> None:
    bench.sets("powersave")
    bench.standin.host.board.set("/sys/class/thermal/thermal_zone0/trip_point_0_type", "passive\n")
    bench.standin.host.board.set("/sys/class/thermal/thermal_zone0/trip_point_0_temp", "60000\n")
    _, findings = examine(bench.agent)
    found = {finding.check: finding for finding in findings}
    assert found["governor"].severity == HARM
    assert found["governor"].fix[0].shown == f"echo performance | sudo tee {GOVERNOR}"
    assert found["governor"].fix[0].undo_shown == f"echo powersave | sudo tee {GOVERNOR}"
    assert "1.6 x" in found["governor"].why
    assert found["thermal"].severity == WARN
    assert found["throttling"].severity == OK
    assert found["battery"].severity == UNKNOWN, "this board shows no power supplies, which is not: no battery"
    assert [f.severity for f in findings] == sorted((f.severity for f in findings), key=list(_ORDER).index)


_ORDER = (HARM, WARN, UNKNOWN, "info", OK)


def test_quiet_inside_and_as_before_afterwards(bench: Bench) -> None:
    bench.sets("1500000", MOST_KHZ)
    told: list[str] = []
    with quieted(bench.agent, bench.device, told.append):
        assert (bench.says(), bench.says(MOST_KHZ)) == ("performance", "2400000")
        (entry,) = json.loads(bench.journal.read_text())
        assert [change["undo_stdin"] for change in entry["changes"]] == ["ondemand", "1500000"]
    assert (bench.says(), bench.says(MOST_KHZ)) == ("ondemand", "1500000")
    assert not bench.journal.exists()
    assert told == [
        f"pi5: echo performance | sudo tee {GOVERNOR}",
        f"pi5: echo 2400000 | sudo tee {MOST_KHZ}",
        "pi5: as it was before",
    ]


def test_an_error_inside_undoes_too(bench: Bench) -> None:
    with pytest.raises(KeyboardInterrupt), quieted(bench.agent, bench.device, print):
        raise KeyboardInterrupt
    assert bench.says() == "ondemand"


def test_who_lost_the_device_leaves_it_to_who_has_it(bench: Bench) -> None:
    with pytest.raises(LeaseLost), quieted(bench.agent, bench.device, print):
        raise LeaseLost("another controller has it")
    assert bench.says() == "performance"


def test_a_killed_controller_leaves_the_way_back_for_the_next_one(bench: Bench, tmp_path: Path) -> None:
    lab = tmp_path / "lab.toml"
    lab.write_text(lab_text([bench.device]))
    argv = [sys.executable, "-c", QUIETING_CONTROLLER, str(lab)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as controller:
        assert controller.stdout is not None
        assert controller.stdout.readline() == b"quiet\n"
        controller.send_signal(signal.SIGKILL)
    assert bench.says() == "performance"
    assert bench.journal.exists()
    told: list[str] = []
    with quieted(bench.agent_again(), bench.device, told.append, wanted=False):
        assert bench.says() == "ondemand"
        assert not bench.journal.exists()
    assert told == ["pi5: as it was before"]


def test_a_device_that_restarts_inside_is_left_as_it_boots(bench: Bench) -> None:
    with quieted(bench.agent, bench.device, print):
        bench.standin.reboot()
        bench.sets("schedutil")
    assert bench.says() == "schedutil"
    assert not bench.journal.exists()


def test_without_anything_to_do_no_python_is_started(bench: Bench) -> None:
    assert not undo_journal.is_there(bench.agent)
    with quieted(bench.agent, bench.device, print, wanted=False):
        assert bench.says() == "ondemand"
    assert not bench.journal.exists()


def test_what_a_person_asked_for_lasts_until_the_end_of_the_next_run(bench: Bench) -> None:
    change = file_change(GOVERNOR, "performance", "ondemand")
    (outcome,) = apply(hands(bench.agent, sudo=False), [change], undo_journal.ASKED)
    assert outcome.problem is None
    with quieted(bench.agent, bench.device, print, wanted=False):
        assert bench.says() == "performance"
    assert bench.says() == "ondemand"


def test_what_somebody_else_has_set_since_is_left_alone(bench: Bench) -> None:
    use = hands(bench.agent, sudo=False)
    apply(use, [file_change(GOVERNOR, "performance", "ondemand")], undo_journal.ASKED)
    bench.sets("userspace")
    assert [outcome.problem for outcome in undo(use)] == [None]
    assert bench.says() == "userspace"
    assert not bench.journal.exists()


def test_where_the_way_back_cannot_be_written_nothing_is_changed(bench: Bench) -> None:
    bench.journal.mkdir()
    with pytest.raises(CommandFailed, match="undo-journal"):
        apply(hands(bench.agent, sudo=False), [file_change(GOVERNOR, "performance", "ondemand")], undo_journal.SESSION)
    assert bench.says() == "ondemand"


def test_what_fails_stops_nothing_and_what_was_not_undone_stays(bench: Bench) -> None:
    use = hands(bench.agent, sudo=False)
    absent = file_change("/sys/devices/system/cpu/cpufreq/policy9/scaling_governor", "performance", "ondemand")
    bad, good = apply(use, [absent, file_change(GOVERNOR, "performance", "ondemand")], undo_journal.ASKED)
    assert "No such file" in (bad.problem or "")
    assert good.problem is None
    assert bench.says() == "performance"
    undo(use)
    assert bench.says() == "ondemand"
    assert not bench.journal.exists()


def test_clocks_of_a_jetson_are_stored_locked_and_restored(make_bench: MakeBench) -> None:
    tools = {"jetson_clocks": File(JETSON_CLOCKS, mode=0o755), "nvpmodel": File(NVPMODEL, mode=0o755)}
    bench = make_bench(board(more=programs(tools)))
    clocks = bench.standin.host.disk.path("/var/tmp/clocks")
    clocks.write_text("729600")
    with quieted(bench.agent, bench.device, print):
        assert clocks.read_text().strip() == "1510400"
        assert bench.says() == "ondemand", "the governor is jetson_clocks' own affair"
        assert bench.standin.host.disk.path(f"{bench.agent.root}/jetson_clocks.conf").exists()
    assert clocks.read_text().strip() == "729600"
    assert not bench.standin.host.disk.path(f"{bench.agent.root}/jetson_clocks.conf").exists()
    assert not bench.journal.exists()


def test_root_only_by_sudo_that_was_asked_for(make_bench: MakeBench) -> None:
    require_program("sudo")
    bench = make_bench(pi_with_sudo("ALL=(ALL) NOPASSWD: /usr/bin/tee"))
    told: list[str] = []
    with quieted(bench.agent, bench.device, told.append):
        assert bench.says() == "ondemand"
    assert "sudo = true" in told[0]
    assert not bench.journal.exists()


def test_sudo_without_a_password(make_bench: MakeBench) -> None:
    require_program("sudo")
    # The rule of docs/how-to/quiet-device.md.
    files = "^/sys/devices/system/cpu/cpufreq/policy[0-9]+/scaling_(governor|max_freq)$"
    bench = make_bench(pi_with_sudo(f"ALL=(root) NOPASSWD: /usr/bin/tee {files}"), sudo=True)
    with quieted(bench.agent, bench.device, print):
        assert bench.says() == "performance"
    assert bench.says() == "ondemand"


def test_sudo_that_wants_a_password_is_not_given_one(make_bench: MakeBench) -> None:
    require_program("sudo")
    bench = make_bench(pi_with_sudo("ALL=(ALL) ALL"), sudo=True)
    told: list[str] = []
    with quieted(bench.agent, bench.device, told.append):
        assert bench.says() == "ondemand"
    assert "a password is required (allow it without a password in sudoers)" in told[0]
    assert bench.says() == "ondemand"
