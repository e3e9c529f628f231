"""Blobs are proven before they are used, and what the agent's store holds can be removed again."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agents.store import STALE_UPLOAD_S, BlobMismatch, Store
from tests.agents.device import Device
from tests.agents.test_lifecycle import session_pid, slow_spec, start

DATA = b"weights" * 1000


def upload(root: Path, name: str, idle_s: float) -> Path:
    """A file in ``incoming/`` that has not grown for ``idle_s``."""
    path = root / "incoming" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(DATA)
    os.utime(path, (time.time() - idle_s,) * 2)
    return path


def other_agent(device: Device) -> Path:
    """The archive of another version, and a file that only looks like one."""
    (device.root / "agent-notes.txt").write_text("not ours")
    path = device.root / "agent-0123456789abcdef.zip"
    path.write_bytes(b"PK")
    return path


@pytest.mark.parametrize("text", ["", "{", "nonsense"])
def test_stdin_that_is_no_json(device: Device, text: str) -> None:
    done = subprocess.run(
        device.argv("run"), input=text, capture_output=True, text=True, cwd=device.cwd, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "agent run: stdin must be JSON" in done.stderr


@pytest.mark.parametrize("blob_size", [len(DATA) - 1, len(DATA)])
def test_open_blob_proves_the_bytes(tmp_path: Path, blob_size: int) -> None:
    device = Device(tmp_path)
    put = device.put(DATA, ".onnx")
    store = Store(str(tmp_path))
    assert Path(store.open_blob(put.sha256, put.suffix, put.size_bytes)).read_bytes() == DATA
    (tmp_path / "blobs" / put.file_name).write_bytes(DATA[::-1][:blob_size])
    with pytest.raises(BlobMismatch, match="altered on the device"):
        store.open_blob(put.sha256, put.suffix, put.size_bytes)
    with pytest.raises(BlobMismatch, match="no blob"):
        store.open_blob(put.sha256, put.suffix, put.size_bytes)


def test_clean_blobs_leaves_an_upload_that_is_under_way(device: Device) -> None:
    put = device.put(DATA, ".onnx")
    upload(device.root, "left", STALE_UPLOAD_S + 60)
    under_way = upload(device.root, "under-way", 1.0)
    assert json.loads(device.call("clean", "--blobs").stdout) == [f"blobs/{put.file_name}", "incoming/left"]
    assert list((device.root / "incoming").iterdir()) == [under_way]
    assert not list((device.root / "blobs").iterdir())


def test_clean_blobs_removes_other_versions_of_the_agent_but_not_itself(tmp_path: Path, archive: Path) -> None:
    own = tmp_path / archive.name
    own.write_bytes(archive.read_bytes())
    device = Device(tmp_path, (sys.executable, str(own)), tmp_path)
    other = other_agent(device)
    assert json.loads(device.call("clean", "--sessions").stdout) == []
    assert json.loads(device.call("clean", "--blobs").stdout) == [other.name]
    assert sorted(path.name for path in tmp_path.iterdir()) == [own.name, "agent-notes.txt"]


def test_a_running_session_keeps_the_archive_that_it_may_have_been_started_from(device: Device) -> None:
    other = other_agent(device)
    follower = start(device, slow_spec(device, 100))
    session_pid(device)
    assert other.name not in json.loads(device.call("clean", "--sessions", "--blobs").stdout)
    assert other.exists()
    follower.communicate(timeout=60)
    assert follower.returncode == 0
    assert other.name in json.loads(device.call("clean", "--sessions", "--blobs").stdout)


@pytest.mark.parametrize("options", [["run"], ["clean", "--rot", "x"], ["run", "--root", "x", "--from-byte", "-1"]])
def test_wrong_command_lines(device: Device, options: list[str]) -> None:
    done = subprocess.run(
        [*device.command, *options], capture_output=True, text=True, input="{}", cwd=device.cwd, timeout=60, check=False
    )
    assert done.returncode == 2
    assert f"agent {options[0]}: " in done.stderr
