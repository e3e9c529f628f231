"""Agent, files and a command in one go, onto real devices: this machine, and hosts behind sshd."""

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from orchestrator.errors import CommandFailed, DeviceNotReady, Unreachable
from orchestrator.measure.deploy.archive import AgentArchive
from orchestrator.measure.deploy.intake import Intake, TookIn, take_in
from orchestrator.measure.transports.base import Transport
from orchestrator.measure.transports.ssh import SshTransport
from tests.hosts import MakeHost, SshHost
from tests.orchestrator.measure.sessions import Files, file_of

# Says that it is Python 3.7, and runs what it is given; a stand-in, because nobody has an old one any more.
_OLD = """\
#!{python}
import sys
code = sys.argv[sys.argv.index("-c") + 1]
sys.argv = ["-c", *sys.argv[sys.argv.index("-c") + 2:]]
sys.version_info = (3, 7, 3, "final", 0)
sys.executable = "/usr/bin/python3.7"
exec(code)
"""


@pytest.fixture
def two(tmp_path: Path) -> Files:
    return [file_of(tmp_path / "a.onnx", os.urandom(5000)), file_of(tmp_path / "b.wav", os.urandom(3_000_000))]


def intake(archive: AgentArchive, files: Files, *argv: str, timeout_s: float = 60.0) -> Intake:
    return Intake(archive, tuple(files), argv, timeout_s)


def on(transport: Transport, what: Intake, root: Path) -> TookIn:
    return take_in(transport, what, str(root), python=sys.executable)


def test_what_is_absent_goes_there_once_and_whole(
    transport: Transport, archive: AgentArchive, two: Files, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    first = on(transport, intake(archive, two), root)
    again = on(transport, intake(archive, two), root)
    assert {f"{blob.file_name}" for _, blob in two} <= {Path(name).name for name in first.pushed}
    assert (again.pushed, again.bytes_sent, again.completed) == ((), 0, None)
    for path, blob in two:
        assert (root / "blobs" / blob.file_name).read_bytes() == path.read_bytes()
    assert next(root.glob("agent-*.zip")).read_bytes() == archive.path.read_bytes()
    assert list((root / "incoming").iterdir()) == []


def test_a_command_runs_as_it_is_written(
    transport: Transport, archive: AgentArchive, two: Files, tmp_path: Path
) -> None:
    words = ("it's", "$(touch pwned)", "a\nb", "", "{root}/x", "{files}", "{agent}")
    argv = ("sh", "-c", 'printf "%s|" "$@"; echo wrong >&2; exit 10', "sh", *words)
    took = on(transport, intake(archive, two, *argv), tmp_path / "root")
    root = str(tmp_path / "root")
    there = [f"{root}/blobs/{blob.file_name}" for _, blob in two]
    agent = f"{root}/agent-{archive.sha256[:16]}.zip"
    assert took.completed is not None
    # 10 is also what the device says where no Python fits: of a command it is nothing but its exit code.
    assert (took.completed.exit_code, took.completed.stderr) == (10, b"wrong\n")
    assert took.completed.stdout.decode().split("|") == [*words[:4], f"{root}/x", *there, agent, ""]


def test_a_command_that_is_not_there(transport: Transport, archive: AgentArchive, tmp_path: Path) -> None:
    took = on(transport, intake(archive, [], "no-such-command"), tmp_path / "root")
    assert took.completed is not None
    assert took.completed.exit_code == 127
    assert b"no-such-command" in took.completed.stderr


def test_the_agent_that_came_runs(ssh_host: SshHost, archive: AgentArchive, tmp_path: Path) -> None:
    argv = (sys.executable, "{agent}", "sessions", "--root", "{root}")
    with SshTransport("device", ssh_host.target) as transport:
        took = on(transport, intake(archive, [], *argv), tmp_path / "root")
    assert took.completed is not None
    assert (took.completed.exit_code, took.completed.stdout.strip()) == (0, b"[]")


def test_an_altered_archive_is_replaced_and_a_short_blob_too(
    ssh_host: SshHost, archive: AgentArchive, two: Files, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    with SshTransport("device", ssh_host.target) as transport:
        on(transport, intake(archive, two), root)
        agent, blob = next(root.glob("agent-*.zip")), root / "blobs" / two[1][1].file_name
        agent.write_bytes(b"x" * archive.size_bytes)
        os.truncate(blob, 100)
        assert on(transport, intake(archive, two), root).pushed == (agent.name, f"blobs/{blob.name}")
    assert agent.read_bytes() == archive.path.read_bytes()
    assert blob.read_bytes() == two[1][0].read_bytes()


def test_a_file_that_changed_since_it_was_hashed_is_refused(
    ssh_host: SshHost, archive: AgentArchive, two: Files, tmp_path: Path
) -> None:
    two[0][0].write_bytes(os.urandom(5000))
    with (
        SshTransport("device", ssh_host.target) as transport,
        pytest.raises(CommandFailed, match="what arrived has sha256"),
    ):
        on(transport, intake(archive, two, "true"), tmp_path / "root")
    assert not (tmp_path / "root/blobs").exists() or list((tmp_path / "root/blobs").iterdir()) == []


def test_a_cut_link_goes_on_where_it_was(make_ssh_host: MakeHost, archive: AgentArchive, tmp_path: Path) -> None:
    host, root, sent = make_ssh_host(), tmp_path / "root", 0
    file = file_of(tmp_path / "large.onnx", os.urandom(24 << 20))
    cuts = iter([host.cut])

    def on_bytes(count: int) -> None:
        nonlocal sent
        sent += count
        if sent > 12 << 20 and (cut := next(cuts, None)):
            cut()

    with SshTransport("device", host.target) as transport:
        what = intake(archive, [file], "echo", "once", timeout_s=600)
        took = take_in(transport, what, str(root), python=sys.executable, on_bytes=on_bytes)
    assert took.bytes_sent < 1.5 * file[1].size_bytes
    assert took.completed is not None
    assert took.completed.stdout == b"once\n"
    assert (root / "blobs" / file[1].file_name).read_bytes() == file[0].read_bytes()


def test_a_part_that_the_disk_has_lost_is_sent_again(
    ssh_host: SshHost, archive: AgentArchive, two: Files, tmp_path: Path
) -> None:
    incoming = tmp_path / "root/incoming"
    incoming.mkdir(parents=True)
    path, blob = two[1]
    (incoming / f"{blob.file_name}.part").write_bytes(bytes(1_000_000))
    with SshTransport("device", ssh_host.target) as transport:
        on(transport, intake(archive, [(path, blob)]), tmp_path / "root")
    assert (tmp_path / "root/blobs" / blob.file_name).read_bytes() == path.read_bytes()
    assert list(incoming.iterdir()) == []


def test_a_command_whose_link_is_lost_does_not_run_again(
    make_ssh_host: MakeHost, archive: AgentArchive, tmp_path: Path
) -> None:
    host, ran = make_ssh_host(), tmp_path / "ran"

    def cut_once_it_runs() -> None:
        while not ran.exists():
            time.sleep(0.01)
        host.cut()

    cutting = threading.Thread(target=cut_once_it_runs)
    cutting.start()
    with (
        SshTransport("device", host.target) as transport,
        pytest.raises(Unreachable, match="link was lost, while sh ran") as caught,
    ):
        on(transport, intake(archive, [], "sh", "-c", f"echo x >> {ran}; exec sleep 60"), tmp_path / "root")
    cutting.join()
    assert "not known" in str(caught.value.hint)
    assert ran.read_text() == "x\n"


def test_an_old_python_gives_way_to_the_next(make_ssh_host: MakeHost, archive: AgentArchive, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "python3").write_text(_OLD.format(python=sys.executable))
    (folder / "python3").chmod(0o755)
    (folder / "sh").symlink_to("/bin/sh")
    host = make_ssh_host(f"SetEnv PATH={folder} HOME={tmp_path}")
    with SshTransport("device", host.target) as transport:
        with pytest.raises(DeviceNotReady, match=r"too old: found 3\.7\.3, need 3\.9"):
            take_in(transport, intake(archive, []))
        (folder / "python3.11").symlink_to(sys.executable)
        took = take_in(transport, intake(archive, [], "{python}", "-c", "print(7)"))
    assert took.completed is not None
    assert took.completed.stdout == b"7\n"


def test_no_python_and_nowhere_to_write(ssh_host: SshHost, archive: AgentArchive) -> None:
    with SshTransport("device", ssh_host.target) as transport:
        with pytest.raises(DeviceNotReady, match="no Python on device: tried no-such-python"):
            take_in(transport, intake(archive, []), python="no-such-python")
        with pytest.raises(DeviceNotReady, match="cannot use /proc/earshot on device"):
            take_in(transport, intake(archive, []), "/proc/earshot", python=sys.executable)


def test_a_command_that_does_not_end(ssh_host: SshHost, archive: AgentArchive, tmp_path: Path) -> None:
    with (
        SshTransport("device", ssh_host.target) as transport,
        pytest.raises(CommandFailed, match="on device did not end within 8 s"),
    ):
        on(transport, intake(archive, [], "sleep", "20", timeout_s=8), tmp_path / "root")


def test_no_word_holds_nul(archive: AgentArchive) -> None:
    with pytest.raises(ValueError, match="must not hold NUL"):
        Intake(archive, (), ("a\0b",))
