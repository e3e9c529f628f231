"""A disk that fills up at every stage: the reason is told, and nothing half-written is left."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents import wire
from tests.agents.device import Device, Run

SIZE_KB = 512


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Device]:
    """A device whose root is a file system of 512 KiB."""
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE_KB}k", "none", str(tmp_path)], capture_output=True, check=False
    )
    if not mounted or mounted.returncode != 0:
        pytest.skip("a full disk needs a small tmpfs, and mount is not permitted here: run the tests as root")
    yield Device(tmp_path)
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def fill(device: Device, leave_bytes: int) -> None:
    """Leave about so much room."""
    status = __import__("os").statvfs(device.root)
    room = status.f_bavail * status.f_frsize - leave_bytes
    (device.root / "filler").write_bytes(b"x" * max(0, room))


def assert_disk_full(run: Run) -> None:
    assert run.code == wire.EXIT_SESSION_FAILED
    assert (run.result.outcome, run.result.failure) == ("failed", "disk-full")
    assert "No space left" in (run.result.reason or "")


def test_no_room_to_start(small_disk: Device) -> None:
    spec = small_disk.spec()
    fill(small_disk, 0)
    run = small_disk.run(spec)
    assert_disk_full(run)
    assert run.stderr == ""
    (small_disk.root / "filler").unlink()
    assert not list((small_disk.root / "sessions").iterdir()) if (small_disk.root / "sessions").exists() else True
    assert small_disk.run(spec).result.outcome == "ok"


def test_no_room_for_the_arrays(small_disk: Device) -> None:
    # The journal and its reserve fit, the arrays (about 90 kB) do not.
    spec = small_disk.spec(runtime="echo", provider="echo", chunk_count=6000)
    fill(small_disk, 60_000)
    run = small_disk.run(spec)
    assert_disk_full(run)
    folder = small_disk.root / "sessions" / "s1"
    assert json.loads((folder / "events.jsonl").read_text().splitlines()[-1])["kind"] == "failed"
    assert not (folder / "arrays.npz").exists()
    assert not list(folder.glob("*.part"))
    assert small_disk.run(spec).stdout == run.stdout


def test_a_disk_that_someone_else_fills_meanwhile(small_disk: Device) -> None:
    """Even the reserve is gone: whoever follows still hears why, though it cannot be written down."""
    from tests.agents.test_lifecycle import session_pid, start

    spec = small_disk.spec(runtime="echo", provider="echo", mode="paced", chunk_count=150)
    follower = start(small_disk, spec)
    session_pid(small_disk)
    (small_disk.root / "sessions" / "s1" / "reserve").unlink()
    fill(small_disk, 0)
    stdout, _ = follower.communicate(timeout=60)
    last = json.loads(stdout.splitlines()[-1])
    assert follower.returncode == wire.EXIT_SESSION_FAILED
    assert last["kind"] == "failed"
    assert last["data"]["result"]["failure"] == "disk-full"
