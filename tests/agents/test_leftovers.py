"""A session leaves no process behind: not what its runtime started, whichever of its processes is killed."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from agents import wire
from tests.agents.device import Device
from tests.agents.test_lifecycle import journal, kinds, session_pid, slow_spec, start, wait_for

# A runtime with helpers, as vendors' are: one forked, one executed, one in a session of its own.
RUNTIME = """
import os, signal, subprocess, sys, time
TAG = {folder!r}
if os.fork() == 0:
    open(os.path.join({folder!r}, "forked"), "w").write(str(os.getpid()))
    time.sleep(600)
    os._exit(0)
subprocess.Popen(["sleep", "600"])
subprocess.Popen(["sh", "-c", "sleep 600; " + TAG], start_new_session=True)
open(os.path.join({folder!r}, "started"), "w").close()
{then}
"""
HANG = "import ctypes\nctypes.CDLL(None).pause()"
SEGFAULT = "import ctypes\nctypes.string_at(0)"


@pytest.fixture
def helpers(tmp_path: Path) -> Path:
    """Folder of a stand-in for the package onnxruntime, and of what it writes."""
    (tmp_path / "onnxruntime").mkdir()
    return tmp_path


def with_runtime(device: Device, folder: Path, then: str) -> wire.RunSpec:
    (folder / "onnxruntime" / "__init__.py").write_text(RUNTIME.format(folder=str(folder), then=then))
    return replace(slow_spec(device), runtime="onnxruntime", provider="CPUExecutionProvider", sampler_hz=10.0)


def left_by(device: Device, folder: Path) -> list[str]:
    """What still runs of the device's sessions and of the runtime's helpers."""
    return [line for line in _running() if str(device.root) in line or str(folder) in line]


def _running() -> list[str]:
    found = []
    for pid in [
        entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit() and entry.name != str(os.getpid())
    ]:
        try:
            command = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
            environment = Path(f"/proc/{pid}/environ").read_text(errors="replace")
        except OSError:
            continue
        marks = [part for part in environment.split("\0") if part.startswith("EARSHOT_SESSION=")]
        found.append(f"{pid}: {command} {' '.join(marks)}")
    return found


@pytest.mark.parametrize(
    ("then", "reason"),
    [(HANG, "did not end within timeout_s=2"), (SEGFAULT, "SIGSEGV"), ("os._exit(7)", "exit code 7")],
)
def test_a_runtime_that_hangs_or_dies(
    device: Device, helpers: Path, monkeypatch: pytest.MonkeyPatch, then: str, reason: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(helpers))
    run = device.run(replace(with_runtime(device, helpers, then), timeout_s=2.0))
    assert (run.code, run.result.failure) == (wire.EXIT_SESSION_FAILED, "killed")
    assert reason in str(run.result.reason)
    assert (helpers / "started").exists()
    assert not Path(f"/proc/{(helpers / 'forked').read_text()}").exists()
    assert left_by(device, helpers) == []


@pytest.mark.parametrize("victim", ["watchdog", "session"])
def test_kill_9_of_one_process(device: Device, helpers: Path, monkeypatch: pytest.MonkeyPatch, victim: str) -> None:
    monkeypatch.setenv("PYTHONPATH", str(helpers))
    spec = with_runtime(device, helpers, HANG)
    follower = start(device, spec)
    wait_for(lambda: (helpers / "started").exists())
    session = int(journal(device)[0].data["pid"])
    os.kill(_parent(session) if victim == "watchdog" else session, signal.SIGKILL)
    stdout, _ = follower.communicate(timeout=30)
    assert follower.returncode == wire.EXIT_SESSION_FAILED, stdout
    assert kinds(device)[-1] == "failed"
    assert left_by(device, helpers) == []


def test_clean_ends_what_nobody_watches_any_more(
    device: Device, helpers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(helpers))
    follower = start(device, with_runtime(device, helpers, HANG))
    wait_for(lambda: (helpers / "started").exists())
    follower.kill()
    follower.communicate()
    os.kill(_parent(int(journal(device)[0].data["pid"])), signal.SIGKILL)
    wait_for(lambda: "sessions/s1" in device.call("clean", "--sessions").stdout)
    assert left_by(device, helpers) == []


def test_kill_9_of_the_sampler_costs_only_its_series(device: Device) -> None:
    spec = slow_spec(device, 200, sampler_hz=20.0)
    follower = start(device, spec)
    session = session_pid(device)
    wait_for(lambda: "progress" in kinds(device))
    (sampler,) = [pid for pid in _children(_parent(session)) if pid != session]
    os.kill(sampler, signal.SIGKILL)
    stdout, stderr = follower.communicate(timeout=60)
    assert follower.returncode == 0, stderr
    assert b'"finished"' in stdout.splitlines()[-1]
    assert device.arrays()["t_ns"].shape[0] == 200


def test_what_a_good_session_leaves_running_is_ended_too(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The real runtime, and a helper that is started beside it.
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nclass Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'onnxruntime':\n"
        "            import subprocess\n"
        f"            subprocess.Popen(['sh', '-c', 'sleep 600; {tmp_path}'], start_new_session=True)\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert device.run(device.spec()).code == 0
    give_up_s = time.monotonic() + 10
    while left := [line for line in _running() if str(tmp_path) in line and "sleep 600" in line]:
        assert time.monotonic() < give_up_s, left
        time.sleep(0.05)


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _children(parent: int) -> list[int]:
    found = []
    for pid in [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]:
        try:
            if _parent(pid) == parent:
                found.append(pid)
        except (OSError, IndexError):
            continue
    return found
