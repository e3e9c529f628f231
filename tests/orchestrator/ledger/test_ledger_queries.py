"""Frames equal what the domain's own arithmetic says about each session."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from orchestrator.domain.session import Session
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.queries import TIMES, Where, percentile_per_session, sessions_frame
from orchestrator.statistics.percentiles import percentile
from tests.orchestrator.ledger import ledger_samples as samples

PACED = samples.session(samples.planned(block=0), 700, seed=1)
SHORT = samples.session(samples.planned(block=1), 50, seed=2)
FLAT_OUT = samples.session(samples.planned(mode="flat-out"), 700, seed=3)
FAILED = samples.failed_session(samples.planned(block=2))


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    folder: Path = tmp_path_factory.mktemp("queries")
    with Ledger.open(folder / "ledger.db") as opened:
        opened.begin_study(samples.study())
        opened.record_artifact(samples.artifact(folder / "a.onnx"))
        for session in (PACED, SHORT, FLAT_OUT, FAILED):
            opened.record_session(session)
        yield opened


def expected(session: Session, column: str, skip: int = 0) -> float:
    timeline = session.timeline(16000).after(skip)
    values = timeline.stage_ns()[column] if column in timeline.stage_ns() else getattr(timeline, f"{column}_ns")
    value = percentile(values, 0.99).value
    assert value is not None
    return value


def test_sessions_frame_has_a_row_for_every_session(ledger: Ledger) -> None:
    frame = sessions_frame(ledger)
    assert set(frame.session_id) == {s.session_id for s in (PACED, SHORT, FLAT_OUT, FAILED)}
    assert list(frame[frame.outcome == "failed"].failure) == ["killed"]
    assert set(frame.recipe) == {"onnx:fp32"}
    assert set(frame.provider) == {"CPUExecutionProvider"}
    assert list(sessions_frame(ledger, Where(mode="flat-out")).session_id) == [FLAT_OUT.session_id]
    assert list(sessions_frame(ledger, Where(since_utc="2026-11-21T04:00:02Z")).session_id) == [FAILED.session_id]


def test_no_session_gives_an_empty_frame_with_its_columns(ledger: Ledger) -> None:
    assert list(sessions_frame(ledger, Where(model="absent")).columns) == list(sessions_frame(ledger).columns)
    assert percentile_per_session(ledger, "latency", 0.99, Where(model="absent")).empty


@pytest.mark.parametrize("column", TIMES)
@pytest.mark.parametrize("skip", [0, 20])
def test_percentile_is_that_of_the_timeline(ledger: Ledger, column: str, skip: int) -> None:
    frame = percentile_per_session(ledger, column, 0.99, skip_chunks=skip).set_index("session_id")
    row = frame.loc[PACED.session_id]
    assert row.value_ns == expected(PACED, column, skip)
    assert row.low_ns <= row.value_ns <= row.high_ns
    assert row.n == 700 - skip
    assert pd.isna(row.reason)
    assert (FLAT_OUT.session_id in frame.index) == (column != "latency")
    if column != "latency":
        assert frame.loc[FLAT_OUT.session_id].value_ns == expected(FLAT_OUT, column, skip)


def test_session_with_too_few_chunks_has_a_reason_and_no_figure(ledger: Ledger) -> None:
    frame = percentile_per_session(ledger, "service", 0.99, Where(mode="paced")).set_index("session_id")
    assert np.isnan(frame.loc[SHORT.session_id].value_ns)
    assert "needs 662 values, there are 50" in frame.loc[SHORT.session_id].reason
    skipped = percentile_per_session(ledger, "service", 0.5, skip_chunks=60).set_index("session_id")
    assert "has 50 chunks, 60 are skipped" in skipped.loc[SHORT.session_id].reason


def test_failed_session_has_no_percentile(ledger: Ledger) -> None:
    assert FAILED.session_id not in set(percentile_per_session(ledger, "service", 0.5).session_id)


def test_unknown_column_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match=r"column must be one of latency, .*got 'speed'"):
        percentile_per_session(ledger, "speed", 0.5)


def test_times_that_cannot_be_are_told_in_their_row_only(tmp_path: Path) -> None:
    backwards = samples.session(samples.planned(block=7), 20)
    backwards.arrays["t_ns"] = backwards.arrays["t_ns"][::-1]
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger.begin_study(samples.study())
        ledger.record_artifact(samples.artifact(tmp_path / "a.onnx"))
        ledger.record_session(backwards)
        ledger.record_session(PACED)
        frame = percentile_per_session(ledger, "service", 0.5).set_index("session_id")
    assert "run backwards" in frame.loc[backwards.session_id].reason
    assert frame.loc[PACED.session_id].value_ns > 0
