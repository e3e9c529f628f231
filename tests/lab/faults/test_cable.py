"""The cable of a device is cut in the middle of a session: nothing is lost, and nothing waits for ever."""

import threading
from pathlib import Path

import pytest

from orchestrator.errors import Unreachable
from orchestrator.measure.deploy.run import run_session
from tests.lab.faults.board import Board, Seen, spec_of
from tests.lab.faults.conftest import REAL
from tests.orchestrator.measure.sessions import Files


def cut(pi5: Board, for_s: float) -> None:
    pi5.link.cut()
    threading.Event().wait(for_s)
    pi5.link.restore()


# With LINK_TIMEOUT_S = 2 the longer one outlives the connection and several attempts to make a new one, as 300 s do
# with the timeouts of real use.
@pytest.mark.parametrize("for_s", [1.0, 30.0, 300.0] if REAL else [1.0, 7.0])
def test_cut_in_the_middle(pi5: Board, files: Files, tmp_path: Path, for_s: float) -> None:
    with pi5.agent(files) as agent:
        seen = Seen("progress", lambda: cut(pi5, for_s))
        result, arrays = run_session(agent, spec_of(files, f"cut-{for_s:g}"), on_event=seen, arrays_dir=tmp_path)
        seen.assert_whole(result, arrays)
    pi5.assert_nothing_left()


def test_cut_for_longer_than_anyone_waits(pi5: Board, files: Files, tmp_path: Path) -> None:
    with pi5.agent(files) as agent:
        spec = spec_of(files, "given-up")
        seen = Seen("loaded", pi5.link.cut)
        with pytest.raises(Unreachable, match="did not come back within 1 s") as caught:
            run_session(agent, spec, on_event=seen, arrays_dir=tmp_path, link_patience_s=1.0)
        assert "given-up goes on there" in str(caught.value.hint)
        pi5.link.restore()
        agent.transport.reconnect()
        again = Seen()
        result, arrays = run_session(agent, spec, on_event=again, arrays_dir=tmp_path)
        again.assert_whole(result, arrays)
    pi5.assert_nothing_left()


def test_cut_while_the_result_is_fetched(pi5: Board, files: Files, tmp_path: Path) -> None:
    with pi5.agent(files) as agent:
        seen = Seen("finished", lambda: cut(pi5, 1.0))
        result, arrays = run_session(agent, spec_of(files, "late-cut"), on_event=seen, arrays_dir=tmp_path)
        seen.assert_whole(result, arrays)
    pi5.assert_nothing_left()
