"""A stand-in that is switched on: what it shows, what stays over a reboot, what it cannot reach."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestrator.measure.lab.inventory import open_transport
from orchestrator.measure.standin.standin import StandIn
from tests.hosts import require_program
from tests.lab.fixtures import MakeStandIn


def said(standin: StandIn, *argv: str) -> str:
    """stdout of a command over the way that the lab takes."""
    with open_transport(standin.device) as transport:
        done = transport.exec(list(argv), timeout_s=60)
    assert done.exit_code == 0, done.stderr
    return done.stdout.decode()


def test_it_shows_another_device_and_says_that_it_is_none(standin_ssh_host: StandIn) -> None:
    assert "Cortex" not in said(standin_ssh_host, "cat", "/proc/cpuinfo")
    assert "CPU part\t: 0xd0b" in said(standin_ssh_host, "cat", "/proc/cpuinfo")
    assert said(standin_ssh_host, "vcgencmd", "get_throttled") == "throttled=0x0\n"
    assert said(standin_ssh_host, "cat", "/etc/earshot-standin").startswith("Raspberry Pi 5")
    assert said(standin_ssh_host, "hostname") == "pi5\n"


def test_its_root_is_its_own(standin_ssh_host: StandIn) -> None:
    here = Path(__file__)
    with open_transport(standin_ssh_host.device) as transport:
        assert transport.exec(["test", "-e", str(here)], timeout_s=60).exit_code == 1
        assert transport.exec(["touch", "/usr/bin/x"], timeout_s=60).exit_code == 1
    assert str(os.getpid()) not in said(standin_ssh_host, "ls", "/proc").split()


def test_a_command_that_it_runs_is_a_plain_user_s(standin_ssh_host: StandIn) -> None:
    assert said(standin_ssh_host, "id", "-un") == "pi\n"
    assert said(standin_ssh_host, "pwd") == "/home/pi\n"
    assert said(standin_ssh_host, sys.executable, "-c", "import numpy; print(numpy.arange(3).sum())") == "3\n"


def test_a_reboot_ends_all_and_keeps_the_disk(make_standin: MakeStandIn) -> None:
    pi = make_standin("pi5")
    said(pi, "sh", "-c", "echo kept > ~/kept; echo gone > /tmp/gone; (setsid sleep 1000 >/dev/null 2>&1 &)")
    boot = said(pi, "cat", "/proc/sys/kernel/random/boot_id")
    assert "sleep 1000" in pi.host.processes().values()
    pi.reboot()
    assert "sleep 1000" not in pi.host.processes().values()
    assert said(pi, "sh", "-c", "cat ~/kept; ls /tmp/gone 2>/dev/null || echo no") == "kept\nno\n"
    assert said(pi, "cat", "/proc/sys/kernel/random/boot_id") != boot
    assert pi.host.disk.path("/home/pi/kept").read_text() == "kept\n"


def test_its_monotonic_clock_begins_with_its_boot(make_standin: MakeStandIn) -> None:
    if not Path("/proc/self/ns/time").exists():
        pytest.skip("this kernel has no time namespaces")
    program = "import time; print(time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME))"
    switched_on_s = time.monotonic()
    pi = make_standin("pi5")
    for _ in range(2):
        clocks_s = [float(word) for word in said(pi, sys.executable, "-c", program).split()]
        # Whole seconds are taken away.
        assert all(0 < seconds <= time.monotonic() - switched_on_s + 1 for seconds in clocks_s)
        switched_on_s = time.monotonic()
        pi.reboot()


def test_a_killed_daemon_leaves_what_it_had_started(make_standin: MakeStandIn) -> None:
    pi = make_standin("pi4")
    said(pi, "sh", "-c", "(setsid sleep 1001 >/dev/null 2>&1 &)")
    pi.host.kill_daemon("sshd")
    begun_s = time.monotonic()
    # Between fork and exec it still has its parent's name.
    while (left := list(pi.host.processes().values())) == ["setsid sleep 1001"] and time.monotonic() < begun_s + 30:
        time.sleep(0.05)
    assert left == ["sleep 1001"]
    pi.host.start_daemon("sshd")
    assert said(pi, "echo", "back") == "back\n"


def test_a_full_disk_is_full_until_it_is_freed(make_standin: MakeStandIn) -> None:
    pi = make_standin("pi5", disk_mib=32)
    pi.host.disk.fill()
    with open_transport(pi.device) as transport:
        full = transport.exec(["sh", "-c", "head -c 100000 /dev/zero > ~/x"], timeout_s=60)
    assert "No space left" in full.stderr.decode()
    pi.host.disk.free()
    said(pi, "sh", "-c", "head -c 100000 /dev/zero > ~/x")


def test_homes_and_temporary_folders_as_hostile_as_asked_for(make_standin: MakeStandIn) -> None:
    pi = make_standin("pi5", noexec_tmp=True, read_only_home=True)
    with open_transport(pi.device) as transport:
        assert b"Read-only" in transport.exec(["touch", "x"], timeout_s=60).stderr
        script = "printf '#!/bin/sh\\n' > /tmp/x; chmod +x /tmp/x; /tmp/x"
        assert transport.exec(["sh", "-c", script], timeout_s=60).exit_code == 126


def test_sensors_change_while_it_runs(make_standin: MakeStandIn) -> None:
    pi = make_standin("pi5")
    pi.host.board.set("/sys/class/thermal/thermal_zone0/temp", "81000\n")
    assert said(pi, "cat", "/sys/class/thermal/thermal_zone0/temp") == "81000\n"
    pi.reboot()
    assert said(pi, "cat", "/sys/class/thermal/thermal_zone0/temp") == "81000\n"


def test_the_dropbear_board_has_busybox_and_nothing_else(make_standin: MakeStandIn) -> None:
    require_program("dropbear")
    require_program("busybox")
    nano = make_standin("orin-nano")
    assert "BusyBox" in said(nano, "sh", "-c", "ls --help 2>&1 | head -n 1")
    with open_transport(nano.device) as transport:
        for gnu in ("sha256sum", "timeout", "bash", "perl"):
            assert transport.exec(["sh", "-c", f"command -v {gnu}"], timeout_s=60).exit_code != 0, gnu
    assert said(nano, "nvpmodel", "-q") == "NV Power Mode: 25W\n1\n"


def test_all_of_it_ends_with_the_process_that_made_it(tmp_path: Path) -> None:
    """Killed, so that it had no time to tidy up."""
    require_program("sshd")
    program = (
        "import sys; from pathlib import Path; from orchestrator.measure.standin.catalog import make_standin\n"
        "pi = make_standin('pi5', Path(sys.argv[1]))\n"
        "print(*pi.host.processes(), pi.link.wire.pid, pi.link.namespace.pid, flush=True)\n"
        "sys.stdin.read()"
    )
    argv = [sys.executable, "-c", program, str(tmp_path / "pi5")]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as maker:
        assert maker.stdout
        pids = [int(word) for word in maker.stdout.readline().split()]
        assert len(pids) >= 3
        maker.send_signal(signal.SIGKILL)
    give_up_s = time.monotonic() + 20
    while any(_alive(pid) for pid in pids) and time.monotonic() < give_up_s:
        time.sleep(0.05)
    assert not [pid for pid in pids if _alive(pid)]


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("size", [0, -1])
def test_a_disk_without_room_is_refused(make_standin: MakeStandIn, size: int) -> None:
    with pytest.raises(ValueError, match="disk_mib"):
        make_standin("pi5", disk_mib=size)
