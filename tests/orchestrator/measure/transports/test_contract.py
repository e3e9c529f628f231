"""What every transport promises, on real commands: this machine, a real sshd, the genuine adbd."""

import hashlib
import os
import sys
from pathlib import Path

import pytest

from orchestrator.errors import CommandFailed, EarshotError
from orchestrator.measure.transports.base import Transport

HOSTILE = [
    "plain",
    "two words",
    'it\'s "quoted"',
    "new\nline",
    "$(touch pwned)`touch pwned`",
    "; touch pwned #",
    "-rf",
    "*?[a]{b,c}~!\\",
    "übung-音声",
]


class TestTransport:
    def test_exec_separates_stdout_stderr_and_exit_code(self, transport: Transport) -> None:
        done = transport.exec(["sh", "-c", "cat; echo err >&2; exit 7"], stdin=b"in\0\xff")
        assert (done.exit_code, done.stdout, done.stderr) == (7, b"in\0\xff", b"err\n")
        assert not done.ok

    @pytest.mark.parametrize("argument", HOSTILE)
    def test_arguments_are_data(self, transport: Transport, argument: str) -> None:
        assert transport.exec(["printf", "%s", argument]).stdout == argument.encode()

    def test_nul_in_an_argument_is_refused(self, transport: Transport) -> None:
        with pytest.raises(ValueError):
            transport.exec(["echo", "a\0b"])

    def test_a_missing_program_is_an_answer(self, transport: Transport) -> None:
        done = transport.exec(["no-such-program-here"])
        assert done.exit_code == 127
        assert b"no-such-program-here" in done.stderr

    def test_a_signal_gives_no_exit_code(self, transport: Transport) -> None:
        assert transport.exec(["sh", "-c", "kill -9 $$"]).exit_code is None

    def test_large_input_and_outputs_at_once_do_not_block(self, transport: Transport) -> None:
        sent = os.urandom(3 << 20)
        # Not by tee: where stderr is a socket, as behind adbd, /dev/stderr cannot be opened.
        both = "import os\nwhile data := os.read(0, 65536): [os.writev(fd, [data]) for fd in (1, 2)]"
        done = transport.exec([sys.executable, "-c", both], stdin=sent, timeout_s=60)
        assert (done.stdout, done.stderr) == (sent, sent)

    def test_a_command_may_leave_its_input_unread(self, transport: Transport) -> None:
        assert transport.exec(["sh", "-c", "exit 5"], stdin=bytes(8 << 20)).exit_code == 5

    def test_timeout_names_command_and_device(self, transport: Transport) -> None:
        with pytest.raises(CommandFailed, match=r"sleep on \w+ did not end within 0.2 s") as caught:
            transport.exec(["sleep", "60"], timeout_s=0.2)
        assert caught.value.exit_code_remote is None
        assert transport.exec(["true"]).ok

    def test_timeout_also_when_only_the_output_has_ended(self, transport: Transport) -> None:
        with pytest.raises(CommandFailed, match="did not end"):
            transport.exec(["sh", "-c", "exec >&- 2>&-; sleep 60"], timeout_s=0.3)

    def test_stream_hands_over_whole_lines_as_they_come(self, transport: Transport, tmp_path: Path) -> None:
        # The command goes on only after its first line was seen: it waits for the file that on_line makes.
        mark = tmp_path / "seen"
        lines: list[bytes] = []

        def on_line(line: bytes) -> None:
            lines.append(line)
            mark.touch()

        script = 'printf "one\\ntw"; until [ -e "$1" ]; do sleep 0.02; done; printf "o\\nrest"; exit 3'
        done = transport.stream(["sh", "-c", script, "sh", str(mark)], on_line=on_line, timeout_s=20)
        assert lines == [b"one\n", b"two\n"]
        assert (done.exit_code, done.stdout) == (3, b"rest")

    def test_an_error_in_on_line_comes_through(self, transport: Transport) -> None:
        def on_line(line: bytes) -> None:
            raise RuntimeError(line.decode())

        with pytest.raises(RuntimeError, match="one"):
            transport.stream(["sh", "-c", "echo one; sleep 60"], on_line=on_line, timeout_s=20)
        assert transport.exec(["true"]).ok

    @pytest.mark.parametrize("name", HOSTILE)
    def test_push_and_pull_keep_bytes_under_any_name(self, transport: Transport, tmp_path: Path, name: str) -> None:
        there, here, back = tmp_path / "there", tmp_path / "here", tmp_path / "back"
        there.mkdir()
        here.write_bytes(os.urandom(100_000))
        seen: list[int] = []
        transport.push(here, str(there / name), on_bytes=seen.append)
        assert [p.name for p in there.iterdir()] == [name]
        assert sum(seen) == 100_000
        transport.pull(str(there / name), back)
        assert back.read_bytes() == here.read_bytes()
        assert not list(Path.home().glob("pwned")) and not Path("pwned").exists()  # noqa: PT018

    @pytest.mark.parametrize("size_bytes", [0, 1, (5 << 20) + 7])
    def test_sizes(self, transport: Transport, tmp_path: Path, size_bytes: int) -> None:
        here = tmp_path / "here"
        here.write_bytes(os.urandom(size_bytes))
        transport.push(here, str(tmp_path / "there"))
        assert _sha256(tmp_path / "there") == _sha256(here)
        transport.pull(str(tmp_path / "there"), tmp_path / "back")
        assert _sha256(tmp_path / "back") == _sha256(here)

    def test_push_into_a_missing_folder_says_where(self, transport: Transport, tmp_path: Path) -> None:
        here = tmp_path / "here"
        here.write_bytes(b"x")
        with pytest.raises(CommandFailed, match="nowhere/x"):
            transport.push(here, str(tmp_path / "nowhere" / "x"))

    def test_a_failed_pull_leaves_nothing(self, transport: Transport, tmp_path: Path) -> None:
        with pytest.raises(CommandFailed, match="absent"):
            transport.pull(str(tmp_path / "absent"), tmp_path / "back")
        assert list(tmp_path.iterdir()) == []

    def test_pull_to_where_nothing_can_be_written(self, transport: Transport, tmp_path: Path) -> None:
        (tmp_path / "there").write_bytes(b"x")
        with pytest.raises(EarshotError, match="cannot write"):
            transport.pull(str(tmp_path / "there"), tmp_path / "nowhere" / "back")

    def test_reconnect_gives_a_working_transport(self, transport: Transport) -> None:
        transport.reconnect()
        assert transport.exec(["true"]).ok


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
