"""A session outlives whoever asked for it, runs once, and its death is noticed."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents import strict_json, wire
from tests.agents.device import Device


def slow_spec(device: Device, chunks: int = 300, **changes: object) -> wire.RunSpec:
    """A paced echo session of 10 ms chunks: three seconds for 300."""
    return device.spec(runtime="echo", provider="echo", mode="paced", chunk_count=chunks, **changes)


def start(device: Device, spec: wire.RunSpec, *options: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        device.argv("run", *options),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=device.cwd,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(strict_json.to_json(spec)).encode())
    process.stdin.close()
    process.stdin = None
    return process


def wait_for(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    give_up_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < give_up_s, "what was waited for did not come"
        time.sleep(0.02)


def journal(device: Device, session_id: str = "s1") -> list[wire.Event]:
    path = device.root / "sessions" / session_id / "events.jsonl"
    if not path.exists():
        return []
    return [strict_json.from_json(wire.Event, json.loads(line)) for line in path.read_text().splitlines()]


def kinds(device: Device) -> list[str]:
    return [event.kind for event in journal(device)]


def session_pid(device: Device) -> int:
    wait_for(lambda: "loaded" in kinds(device))
    return int(journal(device)[0].data["pid"])


def test_kill_9_of_the_session_is_told_with_its_signal(device: Device) -> None:
    follower = start(device, slow_spec(device))
    os.kill(session_pid(device), signal.SIGKILL)
    stdout, _ = follower.communicate(timeout=30)
    last = json.loads(stdout.splitlines()[-1])
    assert (follower.returncode, last["kind"]) == (wire.EXIT_SESSION_FAILED, "failed")
    assert last["data"]["result"]["failure"] == "killed"
    assert "SIGKILL" in last["data"]["result"]["reason"]
    assert journal(device)[-1].kind == "failed"


def test_kill_9_of_all_its_processes_is_told_by_whoever_asks_next(device: Device) -> None:
    spec = slow_spec(device)
    follower = start(device, spec)
    session = session_pid(device)
    follower.kill()
    follower.communicate()
    watchdog = int(Path(f"/proc/{session}/stat").read_text().rsplit(")", 1)[1].split()[1])
    # The kernel ends the session with its watchdog, so nothing is left running without a time limit.
    os.kill(watchdog, signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{session}").exists() or "Z" in Path(f"/proc/{session}/stat").read_text())
    assert "failed" not in kinds(device)
    again = device.run(spec)
    assert again.code == wire.EXIT_SESSION_FAILED
    assert again.result.failure == "killed"
    assert "ended without a result" in again.result.reason  # type: ignore[operator]
    assert device.run(spec).stdout == again.stdout


def test_a_killed_follower_loses_nothing(device: Device) -> None:
    spec = slow_spec(device)
    first = start(device, spec)
    session_pid(device)
    assert first.stdout is not None
    head = first.stdout.readline() + first.stdout.readline()
    first.kill()
    first.communicate()
    rest = device.run(spec, "--from-byte", str(len(head)))
    whole = (device.root / "sessions" / "s1" / "events.jsonl").read_bytes()
    assert (rest.code, head + rest.stdout.encode()) == (0, whole)
    assert rest.result.outcome == "ok"
    assert [e.kind for e in journal(device)].count("accepted") == 1


def test_a_closed_pipe_does_not_end_the_session(device: Device) -> None:
    follower = start(device, slow_spec(device, 100))
    session_pid(device)
    assert follower.stdout is not None
    assert follower.stderr is not None
    follower.stdout.close()
    follower.wait(timeout=30)
    assert follower.stderr.read() == b""
    follower.stderr.close()
    wait_for(lambda: kinds(device)[-1] == "finished")


def test_a_hangup_does_not_end_the_session(device: Device) -> None:
    follower = start(device, slow_spec(device, 100))
    session = session_pid(device)
    assert os.getpgid(session) != os.getpgid(follower.pid)
    assert os.getsid(session) != os.getsid(follower.pid)
    follower.send_signal(signal.SIGHUP)
    follower.communicate(timeout=30)
    wait_for(lambda: kinds(device)[-1] == "finished")


def test_the_same_id_runs_once(device: Device) -> None:
    spec = device.spec()
    first = device.whole_run(spec)
    again = device.run(spec)
    assert (again.code, again.stdout) == (0, first)


def test_two_at_once_start_one_session(device: Device) -> None:
    spec = slow_spec(device, 100)
    followers = [start(device, spec) for _ in range(3)]
    answers = [follower.communicate(timeout=60)[0] for follower in followers]
    assert answers[0] == answers[1] == answers[2]
    assert kinds(device).count("accepted") == 1
    assert [f.returncode for f in followers] == [0, 0, 0]
    assert sorted(p.name for p in (device.root / "sessions").iterdir()) == ["s1"]


def test_another_spec_under_the_same_id_is_refused(device: Device) -> None:
    device.run(device.spec())
    refused = device.run(device.spec(threads=2))
    assert (refused.code, refused.stdout) == (wire.EXIT_BAD_REQUEST, "")
    assert "another spec (threads differ)" in refused.stderr


def test_the_time_limit_is_kept_on_the_device(device: Device) -> None:
    run = device.run(slow_spec(device, 3000, timeout_s=2.0))
    assert (run.code, run.result.failure) == (wire.EXIT_SESSION_FAILED, "killed")
    assert "did not end within timeout_s=2" in run.result.reason  # type: ignore[operator]


def test_progress_comes_from_outside_the_loop(device: Device) -> None:
    run = device.run(slow_spec(device, 150))
    steps = [e.data for e in run.events if e.kind == "progress"]
    assert 2 <= len(steps) <= 10
    assert [s["total"] for s in steps] == [150] * len(steps)
    assert [s["done"] for s in steps] == sorted({s["done"] for s in steps})
    # Progress and the last event come from two processes; nothing may follow the last one.
    assert [e.kind for e in journal(device)][-1] == "finished"


@pytest.mark.parametrize("from_byte", [0, 5, 10**9])
def test_from_byte_of_a_finished_session(device: Device, from_byte: int) -> None:
    spec = device.spec()
    whole = device.whole_run(spec)
    run = device.run(spec, "--from-byte", str(from_byte))
    if from_byte > len(whole):
        assert run.code == wire.EXIT_BAD_REQUEST
        assert f"from_byte must be in 0..{len(whole)}" in run.stderr
    else:
        assert (run.code, run.stdout) == (0, whole[from_byte:])


def test_from_the_very_end(device: Device) -> None:
    spec = device.spec()
    whole = device.whole_run(spec)
    run = device.run(spec, "--from-byte", str(len(whole)))
    assert (run.code, run.stdout) == (0, "")


def test_clean_spares_what_runs(device: Device) -> None:
    device.run(device.spec())
    follower = start(device, slow_spec(device, 200, session_id="s2"))
    wait_for(lambda: (device.root / "sessions" / "s2").exists())
    assert json.loads(device.call("clean", "--sessions").stdout) == ["sessions/s1"]
    assert follower.communicate(timeout=60)[0]
    assert json.loads(device.call("clean", "--sessions").stdout) == ["sessions/s2"]


def test_requests_that_cannot_be(device: Device) -> None:
    good = strict_json.to_json(device.spec())
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"mode": "fast"}, "mode must be one of"),
        ({"session_id": "../x"}, "session_id must match"),
        ({"protocol": 99}, "push this agent again"),
        ({"surprise": 1}, "unknown keys"),
    ]
    for change, message in wrong:
        done = device.call("run", stdin={**good, **change})
        assert (done.returncode, done.stdout) == (wire.EXIT_BAD_REQUEST, "")
        assert message in done.stderr
    assert not (device.root / "sessions").exists()


def test_a_stray_print_cannot_reach_the_wire(device: Device, tmp_path: Path) -> None:
    noisy = tmp_path / "noise"
    noisy.mkdir()
    # A runtime that prints at import, as some vendors' do, also from native code.
    (noisy / "sitecustomize.py").write_text(
        "import sys\nclass Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'onnxruntime':\n"
        "            print('vendor banner'); import os; os.write(1, b'native banner\\n')\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    spec = device.spec()
    environment = {**os.environ, "PYTHONPATH": str(noisy)}
    text = json.dumps(strict_json.to_json(spec))
    done = subprocess.run(
        device.argv("run"), input=text, capture_output=True, text=True, cwd=device.cwd, env=environment, timeout=60
    )
    kinds_seen = [json.loads(line)["kind"] for line in done.stdout.splitlines()]
    assert [kind for kind in kinds_seen if kind != "progress"] == ["accepted", "loaded", "finished"]
    log = (device.root / "sessions" / "s1" / "session.log").read_text()
    assert "vendor banner" in log
    assert "native banner" in log


def test_a_crash_in_native_code_names_the_signal_and_the_log(device: Device, tmp_path: Path) -> None:
    broken = tmp_path / "broken" / "onnxruntime"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text(
        "import os, sys\nsys.stderr.write('vendor: no NPU\\n'); sys.stderr.flush(); os.abort()\n"
    )
    spec = replace(device.spec(), session_id="crash")
    environment = {**os.environ, "PYTHONPATH": str(broken.parent)}
    text = json.dumps(strict_json.to_json(spec))
    done = subprocess.run(
        device.argv("run"), input=text, capture_output=True, text=True, cwd=device.cwd, env=environment, timeout=60
    )
    result = json.loads(done.stdout.splitlines()[-1])["data"]["result"]
    assert (done.returncode, result["failure"]) == (wire.EXIT_SESSION_FAILED, "killed")
    assert "SIGABRT" in result["reason"]
    assert "vendor: no NPU" in result["reason"]
