"""The device restarts: every process is gone at once, its disk stays, and a session that ran is known to be lost."""

from pathlib import Path

from orchestrator.measure.deploy.run import run_session
from tests.lab.faults.board import ROOT, Board, Seen, spec_of
from tests.orchestrator.measure.sessions import Files


def test_restart_in_the_middle(pi5: Board, files: Files, tmp_path: Path) -> None:
    with pi5.agent(files) as agent:
        seen = Seen("progress", pi5.host.reboot)
        result, arrays = run_session(agent, spec_of(files, "restarted"), on_event=seen, arrays_dir=tmp_path)
        assert (result.outcome, result.failure, arrays) == ("failed", "killed", {})
        assert "the device restarted while the session ran" in str(result.reason)
        assert seen.kinds == ["accepted", "loaded", "failed"]
        # What SessionRunner does next: the same again under the next attempt's id.
        again = Seen()
        result, arrays = run_session(agent, spec_of(files, "restarted-again"), on_event=again, arrays_dir=tmp_path)
        again.assert_whole(result, arrays)
    pi5.assert_nothing_left()


def test_what_had_finished_survives_a_restart(pi5: Board, files: Files, tmp_path: Path) -> None:
    with pi5.agent(files) as agent:
        seen = Seen("finished", pi5.host.reboot)
        result, arrays = run_session(agent, spec_of(files, "finished"), on_event=seen, arrays_dir=tmp_path)
        seen.assert_whole(result, arrays)
    pi5.assert_nothing_left()


def test_a_power_cut_in_the_middle_of_a_journal_line(pi5: Board, files: Files, tmp_path: Path) -> None:
    def off_and_on() -> None:
        pi5.host.power_off()
        with (pi5.path(ROOT) / "sessions" / "torn" / "events.jsonl").open("ab") as file:
            file.write(b'{"kind": "progress", "t_ns": 12')
        pi5.host.start()

    with pi5.agent(files) as agent:
        seen = Seen("progress", off_and_on)
        result, _ = run_session(agent, spec_of(files, "torn"), on_event=seen, arrays_dir=tmp_path)
        assert (result.outcome, result.failure) == ("failed", "killed")
        assert seen.kinds[-1] == "failed"
    pi5.assert_nothing_left()
