"""A process on the device is killed, dies or hangs: the reason is told, and nothing of the session runs on."""

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agents import wire
from orchestrator.measure.deploy.run import run_session
from tests.lab.faults.board import Board, Seen, spec_of, until
from tests.lab.faults.stand_in_runtime import EAT_MEMORY, HANG, SEGFAULT, with_runtime
from tests.orchestrator.measure.sessions import Files


def ort_spec(files: Files, session_id: str) -> wire.RunSpec:
    return replace(spec_of(files, session_id), runtime="onnxruntime", provider="CPUExecutionProvider", timeout_s=20.0)


@pytest.mark.parametrize(
    ("code", "timeout_s", "reason"),
    [(SEGFAULT, 20.0, "SIGSEGV"), (HANG, 2.0, "did not end within timeout_s=2 and was killed at chunk 0")],
)
def test_a_runtime_that_crashes_or_hangs_for_ever(
    pi5: Board, files: Files, tmp_path: Path, code: str, timeout_s: float, reason: str
) -> None:
    with pi5.agent(files) as agent:
        seen = Seen()
        spec = replace(ort_spec(files, "faulty"), timeout_s=timeout_s)
        result, _ = run_session(with_runtime(pi5, agent, code), spec, on_event=seen, arrays_dir=tmp_path)
        assert (result.outcome, result.failure) == ("failed", "killed")
        assert reason in str(result.reason)
        assert "vendor: about to fail" in str(result.reason)
        assert seen.kinds == ["accepted", "failed"]
    pi5.assert_nothing_left()


def test_out_of_memory(pi5: Board, files: Files, tmp_path: Path) -> None:
    with limited_memory(pi5, 256 << 20), pi5.agent(files) as agent:
        hungry = with_runtime(pi5, agent, EAT_MEMORY)
        result, _ = run_session(hungry, ort_spec(files, "hungry"), on_event=Seen(), arrays_dir=tmp_path)
        assert (result.outcome, result.failure) == ("failed", "killed")
        assert "ended by SIGKILL (out of memory, or killed by someone)" in str(result.reason)
    pi5.assert_nothing_left()


@contextlib.contextmanager
def limited_memory(pi5: Board, limit_bytes: int) -> Iterator[None]:
    """sshd and all that it starts in a memory cgroup: the kernel's own out-of-memory killer acts there."""
    found = [(Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"), (Path("/sys/fs/cgroup"), "memory.max")]
    for top, limit in found:
        group = top / f"earshot-test-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        if (group / limit).exists():
            break
        group.rmdir()
    else:
        pytest.skip("no memory cgroup can be made here: the kernel's out-of-memory killer cannot be met")
    try:
        (group / limit).write_text(str(limit_bytes))
        for pid in pi5.host.processes():
            # A connection's own process may have ended since it was listed.
            with contextlib.suppress(ProcessLookupError):
                (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        until(lambda: _emptied(group))
        group.rmdir()


def _emptied(group: Path) -> bool:
    for pid in (group / "cgroup.procs").read_text().split():
        with contextlib.suppress(OSError):
            (group.parent / "cgroup.procs").write_text(pid)
    return not (group / "cgroup.procs").read_text()


class TestPhantomProcesses:
    """Android kills the children of apps: any one of a session's processes, and only that one."""

    @pytest.mark.parametrize("victim", ["follower", "watchdog", "session", "sampler"])
    def test_one_is_killed(self, pi5: Board, files: Files, tmp_path: Path, victim: str) -> None:
        with pi5.agent(files) as agent:
            seen = Seen("progress", lambda: os.kill(self._pid(pi5, victim), signal.SIGKILL))
            spec = spec_of(files, f"phantom-{victim}")
            result, arrays = run_session(agent, spec, on_event=seen, arrays_dir=tmp_path)
            if victim in ("follower", "sampler"):
                seen.assert_whole(result, arrays)
            else:
                assert (result.outcome, result.failure) == ("failed", "killed")
                assert ("SIGKILL" if victim == "session" else "ended without a result") in str(result.reason)
        pi5.assert_nothing_left()

    def _pid(self, pi5: Board, victim: str) -> int:
        """The session was forked from the watchdog, which the follower had started; all have one command line."""
        agents = [pid for pid, line in pi5.running().items() if "--from-byte" in line and not line.startswith("sh ")]
        by_parent = {pid: int(_stat(pid)[1]) for pid in agents}
        watchdog = next(pid for pid in agents if pid in by_parent.values())
        children = sorted(pid for pid, parent in by_parent.items() if parent == watchdog)
        follower = next(pid for pid in agents if pid not in (watchdog, *children))
        return {"watchdog": watchdog, "session": children[0], "sampler": children[1], "follower": follower}[victim]


def _stat(pid: int) -> list[str]:
    """From the state on: proc(5)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
