"""The emulated board: real aarch64 programs behind a real sshd, in namespaces that end with it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.errors import DeviceNotReady, Unreachable
from orchestrator.measure.standin import aarch64_root as builder
from orchestrator.measure.standin.aarch64 import Aarch64Board
from orchestrator.measure.transports.ssh import SshTransport
from tests.boards import aarch64_board, aarch64_root

__all__ = ["aarch64_board", "aarch64_root"]

pytestmark = pytest.mark.xdist_group("aarch64")
PATIENCE_S = 30.0


def until(true: Callable[[], bool]) -> None:
    give_up_s = time.monotonic() + PATIENCE_S
    while not true() and time.monotonic() < give_up_s:
        time.sleep(0.02)
    assert true()


def processes_of(folder: Path) -> list[int]:
    """Of this machine, whose root is the overlay over ``folder``."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and str(folder) in (entry / "mountinfo").read_text():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_its_programs_are_those_of_an_arm_machine_with_the_oldest_python(aarch64_board: Aarch64Board) -> None:
    with SshTransport("aarch64", aarch64_board.target) as transport:
        assert transport.exec(["uname", "-m"]).stdout == b"aarch64\n"
        version = transport.exec(
            ["python3", "-c", "import sys, platform; print(sys.version_info[:2], platform.machine())"]
        )
        assert version.stdout == b"(3, 9) aarch64\n"
        assert transport.exec(["id", "-un"]).stdout == b"pi\n"
        # As bare as a board can be: what it measures with must be brought.
        assert not transport.exec(["python3", "-c", "import numpy"]).ok
        assert not transport.exec(["python3", "-c", "import ensurepip"]).ok


def test_nothing_is_registered_outside(aarch64_board: Aarch64Board) -> None:
    assert aarch64_board.pid
    assert not list(Path("/proc/sys/fs/binfmt_misc").glob("qemu-aarch64"))


def test_its_disk_outlives_it_and_its_root_stays_as_it_was_built(aarch64_root: Path, tmp_path: Path) -> None:
    board = Aarch64Board(tmp_path / "board", aarch64_root)
    with board, SshTransport("aarch64", board.target) as transport:
        transport.exec(["sh", "-c", "echo kept > note; rm /etc/hosts"])
    assert board.path("home/pi/note").read_text() == "kept\n"
    assert (aarch64_root / "etc/hosts").exists()
    assert not (aarch64_root / "home/pi/note").exists()
    with board, SshTransport("aarch64", board.target) as transport:
        assert transport.exec(["cat", "note"]).stdout == b"kept\n"
        assert not transport.exec(["cat", "/etc/hosts"]).ok


def test_it_ends_with_whoever_started_it(aarch64_root: Path, tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from orchestrator.measure.standin.aarch64 import Aarch64Board\n"
        "Aarch64Board(Path(sys.argv[1]), Path(sys.argv[2])).start(); print('up', flush=True); time.sleep(1000)"
    )
    argv = [sys.executable, "-c", program, str(tmp_path / "board"), str(aarch64_root)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as starter:
        assert starter.stdout
        assert starter.stdout.readline() == b"up\n"
        assert processes_of(tmp_path / "board")
        starter.kill()
    until(lambda: not processes_of(tmp_path / "board"))


@pytest.mark.parametrize("how", ["stopped", "its holder killed"])
def test_all_that_runs_there_ends_with_it(aarch64_root: Path, tmp_path: Path, how: str) -> None:
    board = Aarch64Board(tmp_path / "board", aarch64_root)
    board.start()
    with SshTransport("aarch64", board.target) as transport:
        transport.exec(["sh", "-c", "nohup sleep 1000 </dev/null >/dev/null 2>&1 & echo started"])
    assert processes_of(board.folder)
    if how != "stopped":
        assert board.pid
        os.kill(board.pid, signal.SIGKILL)
    board.stop()
    until(lambda: not processes_of(board.folder))
    with pytest.raises(Unreachable):
        SshTransport("aarch64", board.target)


def test_a_board_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DeviceNotReady, match=r"did not start: .*proc"):
        Aarch64Board(tmp_path / "board", tmp_path / "empty").start()


def test_a_machine_without_debians_mirror_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "_codename", lambda: "")
    with pytest.raises(DeviceNotReady, match="no source for Debian"):
        builder.build_root(tmp_path)
    assert [p.suffix for p in tmp_path.iterdir()] == [".lock"]


def test_packages_that_are_not_there_leave_no_root(tmp_path: Path) -> None:
    """The way of a release that its mirror has dropped."""
    with pytest.raises(DeviceNotReady, match="cannot read Debian no-such-release's index") as caught:
        builder.build_root(tmp_path, suite="no-such-release")
    assert "//" not in caught.value.message
    assert [p.suffix for p in tmp_path.iterdir()] == [".lock"]
