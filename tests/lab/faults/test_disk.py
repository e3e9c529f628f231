"""The device's disk is full, read-only or may not run programs."""

import os
from pathlib import Path

import pytest

from orchestrator.errors import DeviceNotReady
from orchestrator.measure.deploy.archive import AgentArchive
from orchestrator.measure.deploy.push import push_blobs
from orchestrator.measure.deploy.run import run_session
from tests.lab.faults.board import ROOT, Board, Seen, board, spec_of
from tests.orchestrator.measure.sessions import Files, file_of


def test_full_before_the_agent_comes(pi5: Board, files: Files) -> None:
    with pi5.agent() as agent:
        Path(pi5.path(agent.archive_path)).unlink()
    pi5.host.disk.fill(leave_bytes=20_000)
    try:
        with pytest.raises(DeviceNotReady, match="no room left on pi5"), pi5.agent(files):
            pass
    finally:
        pi5.host.disk.free()
    pi5.assert_nothing_left()


def test_full_in_the_middle_of_a_push(pi5: Board, tmp_path: Path) -> None:
    file = file_of(tmp_path / "large.onnx", os.urandom(24 << 20))
    with pi5.agent() as agent:
        pi5.host.disk.fill(leave_bytes=10 << 20)
        try:
            with pytest.raises(DeviceNotReady, match="no room left on pi5"):
                push_blobs(agent, [file])
        finally:
            pi5.host.disk.free()
        assert list((pi5.path(ROOT) / "incoming").iterdir()) == []
        assert push_blobs(agent, [file]).pushed == (file[1].file_name,)
    pi5.path(f"{ROOT}/blobs/{file[1].file_name}").unlink()
    pi5.assert_nothing_left()


@pytest.mark.parametrize("when", ["before", "accepted", "progress"])
def test_full_before_and_during_a_session(pi5: Board, files: Files, tmp_path: Path, when: str) -> None:
    with pi5.agent(files) as agent:
        if when == "before":
            pi5.host.disk.fill()
        seen = Seen(when, pi5.host.disk.fill)
        try:
            result, arrays = run_session(agent, spec_of(files, f"full-{when}"), on_event=seen, arrays_dir=tmp_path)
        finally:
            pi5.host.disk.free()
        assert (result.outcome, result.failure, arrays) == ("failed", "disk-full", {})
        assert "No space left" in str(result.reason)
        assert seen.kinds[-1] == "failed"
        again = Seen()
        result, arrays = run_session(agent, spec_of(files, f"room-{when}"), on_event=again, arrays_dir=tmp_path)
        again.assert_whole(result, arrays)
    pi5.assert_nothing_left()


def test_full_after_the_end(pi5: Board, files: Files, tmp_path: Path) -> None:
    with pi5.agent(files) as agent:
        seen = Seen("finished", pi5.host.disk.fill)
        try:
            result, arrays = run_session(agent, spec_of(files, "full-at-end"), on_event=seen, arrays_dir=tmp_path)
        finally:
            pi5.host.disk.free()
        seen.assert_whole(result, arrays)
    pi5.assert_nothing_left()


def test_a_home_that_cannot_be_written(archive: AgentArchive, files: Files, tmp_path: Path) -> None:
    with board(tmp_path, archive, read_only_home=True) as made:
        with pytest.raises(DeviceNotReady, match="Read-only file system") as caught, made.agent():
            pass
        assert "set root in lab.toml" in str(caught.value.hint)


def test_a_tmp_where_nothing_may_be_executed(archive: AgentArchive, files: Files, tmp_path: Path) -> None:
    with board(tmp_path, archive, noexec_tmp=True) as made, made.agent(files) as agent:
        seen = Seen()
        result, arrays = run_session(agent, spec_of(files, "noexec"), on_event=seen, arrays_dir=tmp_path)
        seen.assert_whole(result, arrays)
        assert not agent.transport.exec(["sh", "-c", "cp /bin/true /tmp/true && /tmp/true"]).ok
