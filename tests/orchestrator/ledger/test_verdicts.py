"""The frame says of each session what the domain says of it."""

from pathlib import Path

import pandas as pd
import pytest

from orchestrator.domain.run_course import run_course
from orchestrator.domain.session_verdict import judge
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.queries import Where
from orchestrator.ledger.verdicts import verdicts_frame
from tests.orchestrator.ledger import ledger_samples as samples

pytestmark = pytest.mark.usefixtures("both_stores")

GOOD = samples.session(samples.planned(block=0), 700, seed=1)
SHORT = samples.session(samples.planned(block=1), 20, seed=2)
FAILED = samples.failed_session(samples.planned(block=2))


def test_each_session_with_its_verdict(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger.begin_study(samples.study())
        ledger.record_artifact(samples.artifact(tmp_path / "a.onnx"))
        for session in (GOOD, SHORT, FAILED):
            ledger.record_session(session)
        frame = verdicts_frame(ledger).set_index("session_id")
        for session in (GOOD, SHORT, FAILED):
            assert frame.loc[session.session_id].verdict == judge(session, 16000).kind
        assert frame.loc[FAILED.session_id].verdict == "invalid"
        assert "20 chunks cannot tell" in frame.loc[SHORT.session_id].doubts
        assert verdicts_frame(ledger, Where(model="absent")).empty


def test_each_timed_session_with_its_warm_up_and_how_alike_its_chunks_are(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger.begin_study(samples.study())
        ledger.record_artifact(samples.artifact(tmp_path / "a.onnx"))
        for session in (GOOD, FAILED):
            ledger.record_session(session)
        frame = verdicts_frame(ledger).set_index("session_id")
    good, course = frame.loc[GOOD.session_id], run_course(GOOD, 16000)
    assert course is not None
    assert (good.warm_up, good.left_out, good.lag1) == (course.warm_up, course.left_out, course.lag1)
    assert 1 <= good.independent <= course.chunks
    assert pd.isna(frame.loc[FAILED.session_id].warm_up)
