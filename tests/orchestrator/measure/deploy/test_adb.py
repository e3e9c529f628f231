"""The agent, its files and its sessions on a phone: the same code as for every other device."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents import wire
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.deploy.archive import AgentArchive
from orchestrator.measure.deploy.intake import Intake, take_in
from orchestrator.measure.deploy.push import deploy, push_blobs
from orchestrator.measure.deploy.run import run_session
from tests.orchestrator.measure.sessions import Files, echo_spec, file_of
from tests.phones import MakePhone, Phone, adb_key, adbd_root, make_phone

__all__ = ["adb_key", "adbd_root", "make_phone"]


@pytest.fixture
def phone(make_phone: MakePhone) -> Phone:
    return make_phone()


@pytest.fixture
def agent(phone: Phone, archive: AgentArchive) -> Iterator[DeployedAgent]:
    with phone.open() as transport:
        yield deploy(transport, archive, python=sys.executable)


def test_everything_lies_in_the_shell_users_folder(agent: DeployedAgent, phone: Phone) -> None:
    assert agent.root == "/data/local/tmp/.cache/earshot"
    assert agent.probe.context == "adb-shell"
    listed = phone.host.run(["find", "/data/local/tmp", "-perm", "/o+w", "-not", "-type", "l"]).split()
    assert listed in ([], ["/data/local/tmp"])


def test_files_are_sent_once(agent: DeployedAgent, tmp_path: Path) -> None:
    files = [file_of(tmp_path / "a.onnx", os.urandom(5000)), file_of(tmp_path / "b.wav", os.urandom(3 << 20))]
    assert push_blobs(agent, files).bytes_sent == 5000 + (3 << 20)
    assert push_blobs(agent, files).bytes_sent == 0


def test_all_in_one_go(phone: Phone, archive: AgentArchive, tmp_path: Path) -> None:
    file = file_of(tmp_path / "a.onnx", os.urandom(3 << 20))
    with phone.open() as transport:
        took = take_in(transport, Intake(archive, (file,), ("sha256sum", "{files}")), python=sys.executable)
        again = take_in(transport, Intake(archive, (file,), ("sh", "-c", "exit 3")), python=sys.executable)
    assert took.completed is not None
    assert took.completed.stdout.split()[0].decode() == file[1].sha256
    assert again.completed is not None
    assert (again.bytes_sent, again.completed.exit_code) == (0, 3)


def test_a_session_survives_the_end_of_adbd(agent: DeployedAgent, phone: Phone, files: Files, tmp_path: Path) -> None:
    push_blobs(agent, files)
    killed: list[wire.Event] = []

    def on_event(event: wire.Event) -> None:
        if not killed:
            killed.append(event)
            phone.host.kill_daemon("adbd")
            phone.host.start_daemon("adbd")

    result, arrays = run_session(agent, echo_spec(files), on_event=on_event, arrays_dir=tmp_path)
    assert killed
    assert result.outcome == "ok"
    assert len(arrays["t_ns"]) == 200


def test_a_push_goes_on_where_adbd_was_killed(agent: DeployedAgent, phone: Phone, tmp_path: Path) -> None:
    size_bytes = 64 << 20
    killed_at: list[int] = []

    def on_progress(sent_bytes: int, total_bytes: int) -> None:
        if not killed_at and sent_bytes > size_bytes // 2:
            killed_at.append(sent_bytes)
            phone.host.kill_daemon("adbd")
            phone.host.start_daemon("adbd")

    file = file_of(tmp_path / "large.onnx", os.urandom(1 << 20) * 64)
    report = push_blobs(agent, [file], on_progress)
    assert killed_at
    assert size_bytes <= report.bytes_sent < size_bytes + killed_at[0]
