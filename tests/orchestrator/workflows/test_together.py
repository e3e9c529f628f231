"""A duet that was interrupted when the ledger had one half of a pair: both halves run once more."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from orchestrator.domain.session import PlannedSession
from orchestrator.ledger.ledger import Ledger
from orchestrator.workflows.compare import together
from tests import sessions

FIRST, SECOND = sessions.candidate(), sessions.candidate("onnx:int8-dynamic")


def test_a_half_that_ran_alone_is_left_and_both_run_again(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger.begin_study(sessions.STUDY)
        for recipe in ("onnx:fp32", "onnx:int8-dynamic"):
            ledger.record_artifact(replace(sessions.artifact(recipe), path=tmp_path / "x.onnx"))
        # Of the runner only its ledger is asked.
        runner: Any = cast(Any, SimpleNamespace(ledger=ledger))

        def attempts() -> list[int]:
            plans = [
                (runner, PlannedSession(sessions.STUDY.study_id, "bench", of, "paced", 0, i, 800))
                for i, of in enumerate((FIRST, SECOND))
            ]
            return [planned.attempt for _, planned in together(plans)]

        assert attempts() == [0, 0]
        ledger.record_session(sessions.session(FIRST))
        assert attempts() == [1, 1]
        for of in (FIRST, SECOND):
            ledger.record_session(sessions.session(of, attempt=1))
        assert attempts() == [1, 1], "these two ran together: they are not measured again"
