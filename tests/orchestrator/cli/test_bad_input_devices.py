"""Devices that cannot be reached, entered or used, and sessions that are killed, from the command line."""

import contextlib
import getpass
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hosts import SshHost, lab_text
from tests.orchestrator.cli.command import (
    DEVICE,
    argv,
    assert_refused,
    assert_sound,
    earshot,
    environment,
    rows,
)
from tests.orchestrator.cli.conftest import MountTmpfs, fill

WAIT_S = 60.0


def new_key(folder: Path) -> Path:
    path = folder / "another_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


def unknown_host_key(lab: str, host: SshHost, folder: Path) -> str:
    (folder / "known_hosts").write_text("")
    return lab.replace(str(host.known_hosts), str(folder / "known_hosts"))


def changed_host_key(lab: str, host: SshHost, folder: Path) -> str:
    other = new_key(folder).with_suffix(".pub").read_text()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{host.port} {other}")
    return lab.replace(str(host.known_hosts), str(folder / "known_hosts"))


Change = Callable[[str, SshHost, Path], str]

# name -> how the lab differs from a good one, what the message says, what it says to do next.
WAYS: dict[str, tuple[Change, str, str]] = {
    "nobody listens": (lambda lab, h, f: lab.replace(f"port = {h.port}", "port = 1"), "connection refused", "sshd"),
    "unknown host key": (unknown_host_key, "is unknown: ssh-ed25519 SHA256:", "ssh-keyscan -t ed25519"),
    "changed host key": (changed_host_key, "has changed: it shows ssh-ed25519 SHA256:", "ssh-keygen -R"),
    "wrong key": (
        lambda lab, h, f: lab.replace(str(h.user_key), str(new_key(f))),
        f"refused user {getpass.getuser()} with",
        "ssh-copy-id",
    ),
    "no key file": (lambda lab, h, f: lab.replace(str(h.user_key), f"{f}/gone"), "no key file", "identity_file"),
    "no Python": (
        lambda lab, h, f: lab.replace(sys.executable, "/opt/none/python3"),
        "no Python on device: tried /opt/none/python3",
        "set python in lab.toml",
    ),
}


@pytest.mark.parametrize("name", WAYS)
def test_a_device_that_cannot_be_entered(name: str, ssh_host: SshHost, tmp_path: Path, home: Path) -> None:
    change, message, then = WAYS[name]
    lab = tmp_path / "lab.toml"
    lab.write_text(change(lab_text(ssh_host), ssh_host, tmp_path))
    done = earshot("devices", "probe", "device", "--lab", str(lab), home=home)
    assert_refused(done, DEVICE, message, then=then)
    assert done.stdout == ""


def python_with(folder: Path, modules_code: dict[str, str]) -> Path:
    """The Python of the tests behind a wrapper, as vendors ship them: it finds our modules first."""
    modules = folder / "modules"
    modules.mkdir(parents=True)
    for name, code in modules_code.items():
        (modules / f"{name}.py").write_text(code)
    wrapper = folder / "python3"
    wrapper.write_text(f'#!/bin/sh\nPYTHONPATH="{modules}" exec "{sys.executable}" "$@"\n')
    wrapper.chmod(0o755)
    return wrapper


def local_lab(folder: Path, *, root: Path | None = None, python: Path | None = None) -> list[str]:
    """Arguments for a device on this machine, with a disk of its own."""
    settings = {
        "transport": "local",
        "root": str(root or folder / "root"),
        **({"python": str(python)} if python else {}),
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    (folder / "lab.toml").write_text("\n".join(["[devices.board]", *lines]) + "\n")
    return ["--device", "board", "--lab", str(folder / "lab.toml")]


@pytest.mark.parametrize("missing", [("onnxruntime", "ai_edge_litert", "tflite_runtime"), ("numpy",)])
def test_a_device_without_a_runtime(missing: tuple[str, ...], results: Path, tmp_path: Path, home: Path) -> None:
    python = python_with(tmp_path, {name: f'raise ImportError("No module named {name!r}")\n' for name in missing})
    lab = local_lab(tmp_path, python=python)
    done = earshot("run", "mini", "--once", "--seconds", "1", "--results", str(results), *lab, home=home)
    said = f"no usable runtime for {python} on board"
    assert_refused(done, DEVICE, said, missing[0], then=f"{python} -m pip install")
    assert_sound(results)
    assert not rows(results, "select 1 from sessions where device = 'board' and outcome = 'ok'")


def test_no_room_for_the_agent(results: Path, mount_tmpfs: MountTmpfs, tmp_path: Path, home: Path) -> None:
    disk = mount_tmpfs(64)
    fill(disk)
    lab = local_lab(tmp_path, root=disk / "earshot")
    done = earshot("run", "mini", "--once", "--seconds", "1", "--results", str(results), *lab, home=home)
    assert_refused(done, DEVICE, "no room left on board", str(disk), then="free some space there, or set root")
    assert_sound(results)
    assert [p.name for p in disk.rglob("*") if p.is_file()] == ["filler"]


def test_no_room_for_the_model(results: Path, mount_tmpfs: MountTmpfs, tmp_path: Path, home: Path) -> None:
    # Room for the agent, and for nothing of the model's size.
    disk = mount_tmpfs(288)
    lab = local_lab(tmp_path, root=disk)
    done = earshot("run", "mini", "--once", "--seconds", "1", "--results", str(results), *lab, home=home)
    assert_refused(done, DEVICE, "no room left on board", "blobs/", then="free some space there, or set root")
    assert_sound(results)
    assert not list(disk.glob("incoming/*")), "what was sent of it is gone"
    left = {p.name.split("-")[0] for p in disk.rglob("*") if p.is_file()}
    assert {"agent", "fence.json"} <= left
    assert not list(disk.glob("blobs/*"))


class Followed:
    """``earshot run`` on a device of its own, followed until its session streams."""

    def __init__(self, results: Path, folder: Path, home: Path) -> None:
        self.sessions = folder / "root" / "sessions"
        self.process = subprocess.Popen(
            argv("run", "mini", "--once", "--seconds", "2", "--results", str(results), *local_lab(folder)),
            env=environment(home),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill_session(self, number: int, *, watchdog: bool = False) -> None:
        """kill -9 to the process group of session ``number`` of this device, once it streams."""
        pid = self._streaming(number)
        if watchdog:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]), signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)

    def _streaming(self, number: int) -> int:
        deadline_s = time.monotonic() + WAIT_S
        while time.monotonic() < deadline_s and self.process.poll() is None:
            journals = sorted(self.sessions.glob("*/events.jsonl"), key=lambda p: p.stat().st_ctime_ns)
            started = [text for text in (p.read_text() for p in journals) if '"progress"' in text]
            if len(started) > number:
                return self._pid(started, number)
            time.sleep(0.02)
        self.process.kill()
        raise AssertionError(f"session {number} did not begin: {self.process.communicate()}")

    def _pid(self, started: list[str], number: int) -> int:
        running = [text for text in started if '"failed"' not in text]
        assert len(running) == 1, number
        accepted = json.loads(running[0].splitlines()[0])
        return int(accepted["data"]["pid"])

    def done(self) -> "subprocess.CompletedProcess[str]":
        stdout, stderr = self.process.communicate(timeout=WAIT_S)
        return subprocess.CompletedProcess([], self.process.returncode, stdout, stderr)


SESSIONS = "select attempt, outcome, result from sessions where device = 'board' order by started_utc, attempt"


@pytest.fixture
def own_results(results: Path, tmp_path: Path) -> Path:
    """A ledger of the test's own; model and exports are the shared ones."""
    folder = tmp_path / "own"
    folder.mkdir()
    (results / "artifacts").mkdir(exist_ok=True)
    for name in ("models", "artifacts"):
        (folder / name).symlink_to(results / name)
    return folder


@pytest.mark.parametrize("watchdog", [False, True], ids=["session", "session and its watchdog"])
def test_a_session_that_is_killed_runs_once_more(watchdog: bool, own_results: Path, tmp_path: Path, home: Path) -> None:
    followed = Followed(own_results, tmp_path, home)
    followed.kill_session(0, watchdog=watchdog)
    done = followed.done()
    assert done.returncode == 0, done.stderr
    assert "trying once more" in done.stderr
    assert "latency, p50" in done.stdout
    assert_sound(own_results)
    (first, second) = rows(own_results, SESSIONS)
    assert (first[:2], second[:2]) == ((0, "failed"), (1, "ok"))
    assert "killed" in json.loads(first[2])["reason"]


def test_a_session_that_is_killed_each_time_has_failed(own_results: Path, tmp_path: Path, home: Path) -> None:
    followed = Followed(own_results, tmp_path, home)
    for number in (0, 1):
        followed.kill_session(number)
    done = followed.done()
    assert_refused(done, DEVICE, "the session failed on board", "SIGKILL (out of memory, or killed", then="ledger.db")
    assert done.stdout == ""
    assert_sound(own_results)
    assert [row[:2] for row in rows(own_results, SESSIONS)] == [(0, "failed"), (1, "failed")]
    assert not rows(own_results, "select 1 from session_arrays")


STEPPING = """
import glob, time

_wall = time.time

def _streams():
    return any('"progress"' in open(path).read() for path in glob.glob({journals!r}))

time.time = lambda: _wall() + (3600.0 if _streams() else 0.0)
"""


def test_a_clock_that_is_set_during_a_session(results: Path, tmp_path: Path, home: Path) -> None:
    """Not this machine's clock: the device's Python reads its time of day with a shift once the session streams."""
    journals = str(tmp_path / "root" / "sessions" / "*" / "events.jsonl")
    python = python_with(tmp_path, {"sitecustomize": STEPPING.format(journals=journals)})
    lab = local_lab(tmp_path, python=python)
    run = ("run", "mini", "--once", "--seconds", "2", "--results", str(results), *lab)
    done = earshot(*run, "--json", home=home)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["result"]["clock_step_s"] == pytest.approx(3600.0, abs=5.0)
    figures = {figure["name"]: figure for figure in said["figures"]}
    assert 0 < figures["latency, p50"]["value"] < 60_000
    assert figures["clock step"]["value"] == pytest.approx(3600.0, abs=5.0)
    assert "time of day was set" in figures["clock step"]["note"]
    assert_sound(results)
