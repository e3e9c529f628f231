"""Commands and files over ADB: the genuine adbd, behind a link that is not a loopback, with authorization on."""

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.errors import CommandFailed, DeviceNotReady
from orchestrator.measure.transports import adb_connection, adb_shell
from orchestrator.measure.transports.adb import AdbTransport
from tests.phones import MakePhone, Phone

PATIENCE_S = 20.0
LARGE_BYTES = 64 << 20


@pytest.fixture
def adb(phone: Phone) -> Iterator[AdbTransport]:
    with phone.open() as transport:
        yield transport


def until(true: Callable[[], bool]) -> None:
    give_up_s = time.monotonic() + PATIENCE_S
    while not true() and time.monotonic() < give_up_s:
        time.sleep(0.02)
    assert true()


def large_file(path: Path, size_bytes: int = LARGE_BYTES) -> Path:
    path.write_bytes(os.urandom(1 << 20) * (size_bytes >> 20))
    return path


def hole(path: Path, size_bytes: int = LARGE_BYTES) -> Path:
    """A large file that is quickly made: nothing but zeros."""
    path.touch()
    os.truncate(path, size_bytes)
    return path


def same(first: Path, second: Path) -> bool:
    return hashlib.sha256(first.read_bytes()).digest() == hashlib.sha256(second.read_bytes()).digest()


class TestCommands:
    def test_start_in_the_only_folder_that_the_shell_user_owns(self, adb: AdbTransport) -> None:
        done = adb.exec(["sh", "-c", 'pwd; echo "$HOME"; id -un; touch here && rm here'])
        assert done.stdout.decode().split() == ["/data/local/tmp", "/data/local/tmp", "shell"]
        assert done.ok

    def test_have_no_terminal(self, adb: AdbTransport) -> None:
        assert adb.exec(["sh", "-c", "test -t 0 || test -t 1 || test -t 2"]).exit_code == 1
        assert adb.exec(["printf", "a\nb\r\n\4"]).stdout == b"a\nb\r\n\4"

    def test_that_time_out_leave_no_process(self, adb: AdbTransport, phone: Phone) -> None:
        with pytest.raises(CommandFailed, match=r"sh on pixel did not end within 0.5 s"):
            adb.exec(["sh", "-c", "sleep 4711 & sleep 4712"], timeout_s=0.5)
        until(lambda: not phone.runs("sleep 4711") and not phone.runs("sleep 4712"))

    def test_whose_reader_fails_leave_no_process(self, adb: AdbTransport, phone: Phone) -> None:
        def on_line(line: bytes) -> None:
            raise OSError("the controller's disk is full")

        # Not taken for an error of the link.
        with pytest.raises(OSError, match="the controller's disk"):
            adb.stream(["sh", "-c", "echo one; sleep 4713"], on_line=on_line)
        until(lambda: not phone.runs("sleep 4713"))

    def test_that_never_read_a_file_leave_no_process(self, adb: AdbTransport, phone: Phone, tmp_path: Path) -> None:
        with pytest.raises(CommandFailed, match="did not end"):
            adb.send(["sleep", "4714"], hole(tmp_path / "large"), timeout_s=1.0)
        until(lambda: not phone.runs("sleep 4714"))

    def test_that_detach_are_left_alone(self, adb: AdbTransport, phone: Phone) -> None:
        script = "setsid sleep 4715 >/dev/null 2>&1 </dev/null & echo $!; sleep 60"
        pids: list[bytes] = []
        with pytest.raises(CommandFailed):
            adb.stream(["sh", "-c", script], on_line=pids.append, timeout_s=0.5)
        assert phone.runs("sleep 4715")
        adb.exec(["kill", pids[0].decode().strip()])

    def test_longer_than_any_timeout_of_the_link(self, phone: Phone, short_timeouts: None) -> None:
        with phone.open() as transport:
            assert transport.exec(["sh", "-c", "sleep 3; echo late"], timeout_s=60).stdout == b"late\n"

    def test_too_long_for_adbd_are_refused_here(self, adb: AdbTransport) -> None:
        assert len(adb.exec(["printf", "%s", "x" * 100_000]).stdout) == 100_000
        with pytest.raises(CommandFailed, match="its arguments take 2000"):
            adb.exec(["printf", "%s", "x" * 200_000])

    def test_several_threads_on_one_connection(self, adb: AdbTransport, tmp_path: Path) -> None:
        wrong: list[object] = []

        def work(number: int) -> None:
            data = os.urandom(200_000)
            for turn in range(5):
                done = adb.exec(["sh", "-c", f"cat; exit {number}"], stdin=data)
                if (done.exit_code, done.stdout) != (number, data):
                    wrong.append((number, turn, done.exit_code))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert wrong == []

    def test_a_real_exit_code_is_kept_and_a_signal_is_none(self, adb: AdbTransport) -> None:
        codes = [adb.exec(["sh", "-c", f"exit {code}"]).exit_code for code in (0, 1, 126, 127, 128, 255)]
        assert codes == [0, 1, 126, 127, 128, 255]
        assert [adb.exec(["sh", "-c", f"kill -{s} $$"]).exit_code for s in ("TERM", "KILL", "SEGV")] == [None] * 3


class TestFiles:
    def test_large_ones_there_and_back(self, adb: AdbTransport, tmp_path: Path) -> None:
        here = large_file(tmp_path / "here")
        adb.push(here, "large")
        adb.pull("large", tmp_path / "back")
        adb.exec(["rm", "large"])
        assert same(here, tmp_path / "back")

    def test_a_path_longer_than_adbds_own_file_service_takes(self, adb: AdbTransport, tmp_path: Path) -> None:
        folder = "/".join(["d" * 200] * 8)
        (tmp_path / "here").write_bytes(b"deep")
        assert adb.exec(["mkdir", "-p", folder]).ok
        adb.push(tmp_path / "here", f"{folder}/file")
        adb.pull(f"{folder}/file", tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == b"deep"
        adb.exec(["rm", "-r", "d" * 200])

    @pytest.mark.parametrize(
        ("remote", "reason"),
        [
            ("/usr/lib/x", "Read-only file system|Permission denied"),
            ("/data/x", "Permission denied"),
            ("/data/local/tmp", "Is a directory"),
            ("/proc/x", "nonexistent|Permission denied|No such file"),
            ("nowhere/x", "nonexistent|No such file"),
        ],
    )
    def test_what_cannot_be_written_says_why(self, adb: AdbTransport, tmp_path: Path, remote: str, reason: str) -> None:
        with pytest.raises(CommandFailed, match=reason) as caught:
            adb.push(hole(tmp_path / "large"), remote)
        assert remote in caught.value.message

    def test_a_full_disk_is_told_as_one(self, make_phone: MakePhone, tmp_path: Path) -> None:
        phone = make_phone(disk_mib=32)
        with phone.open() as transport:
            with pytest.raises(DeviceNotReady, match="no room left on pixel"):
                transport.push(hole(tmp_path / "large"), "large")
            assert transport.exec(["rm", "large"]).ok

    def test_a_missing_one_leaves_what_is_here(self, adb: AdbTransport, tmp_path: Path) -> None:
        (tmp_path / "back").write_bytes(b"as it was")
        with pytest.raises(CommandFailed, match="absent"):
            adb.pull("absent", tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == b"as it was"
        assert [path.name for path in tmp_path.iterdir()] == ["back"]

    def test_modes_are_the_devices_own(self, adb: AdbTransport, tmp_path: Path) -> None:
        (tmp_path / "here").write_bytes(b"x")
        adb.push(tmp_path / "here", "mode")
        assert adb.exec(["sh", "-c", "stat -c %a mode; rm mode"]).stdout == b"644\n"


class TestOldDevices:
    """What adbd does for a controller that knows less is what it did before it could do more."""

    @pytest.fixture(params=["no delayed acknowledgement", "checksums"])
    def old(self, request: pytest.FixtureRequest, phone: Phone, monkeypatch: pytest.MonkeyPatch) -> AdbTransport:
        monkeypatch.setattr(adb_connection, "OUR_FEATURES", ("shell_v2", "cmd"))
        if request.param == "checksums":
            monkeypatch.setattr(adb_connection, "VERSION", 0x01000000)
        return phone.open()

    def test_large_input_and_output_at_once(self, old: AdbTransport) -> None:
        sent = os.urandom(8 << 20)
        with old:
            assert old.exec(["cat"], stdin=sent).stdout == sent
            assert old.exec(["sh", "-c", "exit 5"], stdin=sent).exit_code == 5

    def test_files_there_and_back(self, old: AdbTransport, tmp_path: Path) -> None:
        here = large_file(tmp_path / "here", 16 << 20)
        with old:
            old.push(here, "old")
            old.pull("old", tmp_path / "back")
            old.exec(["rm", "old"])
        assert same(here, tmp_path / "back")

    def test_a_slow_reader_here_stops_the_sender_there(self, old: AdbTransport) -> None:
        seen = 0

        def on_line(line: bytes) -> None:
            nonlocal seen
            seen += len(line)
            if seen == len(line):
                time.sleep(0.5)

        with old:
            assert old.stream(["sh", "-c", "yes $(printf %0999d 0) | head -c 20000000"], on_line=on_line).ok
        assert seen == 20_000_000


def test_frames_may_come_in_any_pieces() -> None:
    frames = b"\1\3\0\0\0abc" + b"\2\0\0\0\0" + b"\1\1\0\0\0d" + b"\3\1\0\0\0\7"
    for size in range(1, len(frames) + 1):
        reader = adb_shell.FrameReader()
        pieces = [frames[at : at + size] for at in range(0, len(frames), size)]
        found = [frame for piece in pieces for frame in reader.feed(piece)]
        assert b"".join(data for kind, data in found if kind == adb_shell.STDOUT) == b"abcd"
        assert found[-1] == (adb_shell.EXIT, b"\7")
