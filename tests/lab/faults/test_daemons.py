"""The SSH server dies in the middle of a session, as an update or the out-of-memory killer does it."""

import threading
from pathlib import Path

from orchestrator.measure.deploy.run import run_session
from tests.lab.faults.board import Board, Seen, spec_of
from tests.orchestrator.measure.sessions import Files


def test_sshd_is_killed_and_comes_back(pi5: Board, files: Files, tmp_path: Path) -> None:
    def die() -> None:
        pi5.host.kill_daemon("sshd")
        threading.Event().wait(1.0)
        pi5.host.start_daemon("sshd")

    with pi5.agent(files) as agent:
        seen = Seen("progress", die)
        result, arrays = run_session(agent, spec_of(files, "daemon"), on_event=seen, arrays_dir=tmp_path)
        seen.assert_whole(result, arrays)
    pi5.assert_nothing_left()


def test_sshd_is_killed_again_and_again(pi5: Board, files: Files, tmp_path: Path) -> None:
    seen = Seen()

    def on_event(event: object) -> None:
        seen(event)  # type: ignore[arg-type]
        pi5.host.kill_daemon("sshd")
        pi5.host.start_daemon("sshd")

    with pi5.agent(files) as agent:
        result, arrays = run_session(agent, spec_of(files, "daemons"), on_event=on_event, arrays_dir=tmp_path)
        seen.assert_whole(result, arrays)
    pi5.assert_nothing_left()
