"""The agent and its files onto real devices: this machine, and one behind sshd."""

import contextlib
import getpass
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agents.device_facts import DeviceProbe
from orchestrator.errors import CommandFailed, DeviceNotReady, Unreachable
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.deploy.archive import AgentArchive
from orchestrator.measure.deploy.push import deploy, push_blobs
from orchestrator.measure.deploy.upload import BLOCK_BYTES
from orchestrator.measure.transports.base import Transport
from orchestrator.measure.transports.local import LocalTransport
from orchestrator.measure.transports.ssh import SshTransport
from tests.hosts import MakeHost, SshHost
from tests.orchestrator.measure.conftest import open_device
from tests.orchestrator.measure.sessions import Files, file_of, ready


@pytest.fixture(scope="module", params=["local", "ssh"])
def agent(
    request: pytest.FixtureRequest, archive: AgentArchive, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DeployedAgent]:
    """One per way to a device: probing takes a second. Every test brings files of its own."""
    with open_device(request, request.param) as transport:
        yield deploy(transport, archive, str(tmp_path_factory.mktemp("device") / "root"), python=sys.executable)


def _there(agent: DeployedAgent, folder: str) -> Path:
    return Path(agent.root) / folder


def test_deploy_probes_and_leaves_one_archive(agent: DeployedAgent, archive: AgentArchive) -> None:
    assert agent.probe.python == sys.version.split()[0]
    assert agent.probe.context == agent.transport.kind
    assert Path(agent.archive_path).read_bytes() == archive.path.read_bytes()
    assert list(_there(agent, "incoming").iterdir()) == []


def test_deploying_again_sends_nothing(agent: DeployedAgent, archive: AgentArchive) -> None:
    before = Path(agent.archive_path).stat()
    again = deploy(agent.transport, archive, agent.root, python=sys.executable)
    after = Path(again.archive_path).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_an_altered_archive_is_replaced(agent: DeployedAgent, archive: AgentArchive) -> None:
    altered = bytearray(archive.path.read_bytes())
    altered[len(altered) // 2] ^= 1
    Path(agent.archive_path).write_bytes(altered)
    deploy(agent.transport, archive, agent.root, python=sys.executable)
    assert Path(agent.archive_path).read_bytes() == archive.path.read_bytes()


def test_an_archive_that_is_not_what_its_hash_says_does_not_arrive(
    transport: Transport, archive: AgentArchive, tmp_path: Path
) -> None:
    with pytest.raises(CommandFailed, match="what arrived has sha256"):
        deploy(transport, replace(archive, sha256="0" * 64), str(tmp_path / "root"), python=sys.executable)
    assert [p.name for p in (tmp_path / "root").rglob("*")] == ["incoming"]


def test_the_root_is_relative_to_the_home_there(ssh_host: SshHost, archive: AgentArchive) -> None:
    with SshTransport("device", ssh_host.target) as transport:
        agent = deploy(transport, archive, python=sys.executable)
    assert agent.root == str(ssh_host.home / ".cache" / "earshot")


@pytest.fixture
def own_files(tmp_path: Path) -> Files:
    """Bytes that no test has pushed before."""
    return [file_of(tmp_path / "a.onnx", os.urandom(5000)), file_of(tmp_path / "b.wav", os.urandom(300_000))]


def test_push_sends_only_what_is_absent(agent: DeployedAgent, own_files: Files) -> None:
    first = push_blobs(agent, own_files[:1])
    seen: list[tuple[int, int]] = []
    second = push_blobs(agent, own_files, on_progress=lambda sent, total: seen.append((sent, total)))
    size_bytes = own_files[1][1].size_bytes
    assert (first.pushed, first.bytes_sent) == ((own_files[0][1].file_name,), own_files[0][1].size_bytes)
    assert (second.pushed, second.skipped) == ((own_files[1][1].file_name,), (own_files[0][1].file_name,))
    assert second.bytes_sent == size_bytes
    assert seen[-1] == (size_bytes, size_bytes)
    for path, blob in own_files:
        assert (_there(agent, "blobs") / blob.file_name).read_bytes() == path.read_bytes()
    assert push_blobs(agent, own_files).bytes_sent == 0
    assert list((_there(agent, "incoming")).iterdir()) == []


def test_files_with_hostile_names_are_pushed(agent: DeployedAgent, tmp_path: Path) -> None:
    file = file_of(tmp_path / "it's $(touch pwned)\n.onnx", b"graph")
    assert push_blobs(agent, [file]).bytes_sent == 5


def test_a_file_that_changed_since_it_was_hashed_is_refused(agent: DeployedAgent, own_files: Files) -> None:
    own_files[0][0].write_bytes(b"another!")
    with pytest.raises(CommandFailed, match="what arrived has sha256"):
        push_blobs(agent, own_files[:1])
    assert not (_there(agent, "blobs") / own_files[0][1].file_name).exists()
    assert list((_there(agent, "incoming")).iterdir()) == []


def test_a_blob_cut_short_on_the_device_is_pushed_again(agent: DeployedAgent, own_files: Files) -> None:
    push_blobs(agent, own_files)
    there = _there(agent, "blobs") / own_files[1][1].file_name
    os.truncate(there, 100)
    assert push_blobs(agent, own_files).pushed == (own_files[1][1].file_name,)
    assert there.read_bytes() == own_files[1][0].read_bytes()


def test_a_push_cut_at_half_goes_on_where_it_was(
    make_ssh_host: MakeHost, archive: AgentArchive, probe: DeviceProbe, tmp_path: Path
) -> None:
    host = make_ssh_host()
    file = file_of(tmp_path / "large.onnx", os.urandom(24 << 20))
    cuts = iter([host.cut])

    def cut_at_half(sent: int, total: int) -> None:
        if sent > total // 2 and (cut := next(cuts, None)):
            cut()

    with SshTransport("device", host.target) as transport:
        agent = ready(transport, archive, tmp_path / "root", [], probe)
        report = push_blobs(agent, [file], on_progress=cut_at_half)
    assert report.bytes_sent < 1.5 * file[1].size_bytes
    assert (_there(agent, "blobs") / file[1].file_name).read_bytes() == file[0].read_bytes()
    assert list(_there(agent, "incoming").iterdir()) == []


def test_a_cut_push_is_continued_by_another_controller(
    make_ssh_host: MakeHost, archive: AgentArchive, probe: DeviceProbe, tmp_path: Path
) -> None:
    host = make_ssh_host()
    file = file_of(tmp_path / "large.onnx", os.urandom(24 << 20))
    with SshTransport("device", host.target) as transport:
        agent = ready(transport, archive, tmp_path / "root", [], probe)
        with pytest.raises(Unreachable, match="did not come back"):
            push_blobs(
                agent,
                [file],
                on_progress=lambda sent, total: host.stop() if sent > total // 2 else None,
                link_patience_s=0.1,
            )
        assert list(_there(agent, "blobs").iterdir()) == []
        host.start_again()
        transport.reconnect()
        assert push_blobs(agent, [file]).bytes_sent < 0.75 * file[1].size_bytes
    assert (_there(agent, "blobs") / file[1].file_name).read_bytes() == file[0].read_bytes()
    assert list(_there(agent, "incoming").iterdir()) == []


def test_blocks_that_the_disk_has_lost_are_sent_again(
    ssh_host: SshHost, archive: AgentArchive, probe: DeviceProbe, tmp_path: Path
) -> None:
    """A power cut may keep the map of what has arrived and lose what it speaks of."""
    path, blob = file_of(tmp_path / "large.onnx", os.urandom(8 << 20))
    with SshTransport("device", ssh_host.target) as transport:
        agent = ready(transport, archive, tmp_path / "root", [], probe)
        incoming, half = _there(agent, "incoming"), blob.size_bytes // BLOCK_BYTES // 2
        (incoming / f"{blob.file_name}.blocks").write_bytes(bytes(blob.size_bytes))
        (incoming / f"{blob.file_name}.blocks.map").write_bytes(b"\1" * half + b"\0" * half)
        assert push_blobs(agent, [(path, blob)]).bytes_sent == 12 << 20
    assert (_there(agent, "blobs") / blob.file_name).read_bytes() == path.read_bytes()
    assert list(incoming.iterdir()) == []


def test_a_large_file_that_changed_since_it_was_hashed_is_refused(
    ssh_host: SshHost, archive: AgentArchive, probe: DeviceProbe, tmp_path: Path
) -> None:
    path, blob = file_of(tmp_path / "large.onnx", os.urandom(5 << 20))
    path.write_bytes(os.urandom(5 << 20))
    with SshTransport("device", ssh_host.target) as transport:
        agent = ready(transport, archive, tmp_path / "root", [], probe)
        with pytest.raises(CommandFailed, match="what arrived has sha256"):
            push_blobs(agent, [(path, blob)])
    assert [p for folder in ("blobs", "incoming") for p in _there(agent, folder).iterdir()] == []


class TestNotReady:
    def test_no_such_python(self, transport: Transport, archive: AgentArchive, tmp_path: Path) -> None:
        with pytest.raises(DeviceNotReady, match=r"no Python on .*: tried no-such-python") as caught:
            deploy(transport, archive, str(tmp_path / "root"), python="no-such-python")
        assert "lab.toml" in str(caught.value.hint)

    def test_no_python_on_the_path(self, make_ssh_host: MakeHost, archive: AgentArchive, tmp_path: Path) -> None:
        bare = tmp_path / "bin"
        bare.mkdir()
        for name in ("sh", "cat"):
            (bare / name).symlink_to(f"/bin/{name}")
        host = make_ssh_host(f"SetEnv PATH={bare} HOME={tmp_path}")
        with SshTransport("device", host.target) as transport, pytest.raises(DeviceNotReady, match="tried python3, "):
            deploy(transport, archive)

    def test_only_an_old_python(self, transport: Transport, archive: AgentArchive, tmp_path: Path) -> None:
        # A stand-in that says of itself what Python 3.7 would.
        old = tmp_path / "python3"
        old.write_text(
            '#!/bin/sh\necho \'{"python": "/usr/bin/python3", "version": [3, 7, 3], "numpy": true}\'\nexit 10\n'
        )
        old.chmod(0o755)
        with pytest.raises(DeviceNotReady, match=r"too old: found 3\.7\.3, need 3\.9"):
            deploy(transport, archive, str(tmp_path / "root"), python=str(old))

    def test_no_numpy(self, transport: Transport, archive: AgentArchive, tmp_path: Path) -> None:
        python = _bare_python(tmp_path / "venv")
        with pytest.raises(DeviceNotReady, match=r"no numpy for .*venv") as caught:
            deploy(transport, archive, str(tmp_path / "root"), python=str(python))
        assert "pip install numpy" in str(caught.value.hint)

    def test_no_runtime(self, transport: Transport, archive: AgentArchive, tmp_path: Path) -> None:
        python = _bare_python(tmp_path / "venv")
        packages = next((tmp_path / "venv" / "lib").glob("python*/site-packages"))
        installed = Path(np.__file__).parents[1]
        for name in ("numpy", "numpy.libs"):
            if (installed / name).exists():
                (packages / name).symlink_to(installed / name)
        with pytest.raises(DeviceNotReady, match=r"no usable runtime.*onnxruntime: ") as caught:
            deploy(transport, archive, str(tmp_path / "root"), python=str(python))
        assert "pip install onnxruntime" in str(caught.value.hint)

    def test_nowhere_to_write(self, transport: Transport, archive: AgentArchive) -> None:
        with pytest.raises(DeviceNotReady, match="cannot use /proc/earshot on") as caught:
            deploy(transport, archive, "/proc/earshot", python=sys.executable)
        assert "root in lab.toml" in str(caught.value.hint)

    def test_disk_full_for_a_file(self, agent_on_small_disk: DeployedAgent, tmp_path: Path) -> None:
        files = [file_of(tmp_path / "large.onnx", os.urandom(4 << 20)), file_of(tmp_path / "small.onnx", b"x")]
        with pytest.raises(DeviceNotReady, match="no room left"):
            push_blobs(agent_on_small_disk, files)
        root = Path(agent_on_small_disk.root)
        assert list((root / "incoming").iterdir()) == []
        assert push_blobs(agent_on_small_disk, files[1:]).bytes_sent == 1

    def test_disk_full_for_the_agent(self, transport: Transport, archive: AgentArchive, small_disk: Path) -> None:
        _fill(small_disk)
        with pytest.raises(DeviceNotReady, match="no room left"):
            deploy(transport, archive, str(small_disk / "root"), python=sys.executable)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"{getpass.getuser()} may not mount a small disk here: {done.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


@pytest.fixture
def agent_on_small_disk(transport: Transport, archive: AgentArchive, small_disk: Path) -> DeployedAgent:
    return deploy(transport, archive, str(small_disk / "root"), python=sys.executable)


def _fill(disk: Path) -> None:
    with (disk / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


def _bare_python(venv: Path) -> Path:
    """A real Python with nothing installed."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    return venv / "bin" / "python"


def test_local_looks_first_where_earshot_itself_runs(archive: AgentArchive, tmp_path: Path) -> None:
    assert deploy(LocalTransport(), archive, str(tmp_path / "root")).python == sys.executable


def test_a_python_below_the_home_of_the_device(make_ssh_host: MakeHost, archive: AgentArchive, tmp_path: Path) -> None:
    """As the how-to writes it: ``python = "~/envs/ort/bin/python3"``; spaces and quotes are data there too."""
    home = tmp_path / "it's home"
    (home / "my env").mkdir(parents=True)
    wrapper = home / "my env" / "python3"
    wrapper.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    wrapper.chmod(0o755)
    host = make_ssh_host(f'SetEnv "HOME={home}"')
    with SshTransport("device", host.target) as transport:
        agent = deploy(transport, archive, python="~/my env/python3")
        assert agent.python == str(wrapper)
        assert agent.root == str(home / ".cache" / "earshot")
