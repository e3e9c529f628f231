"""What a user waits, as the report shows it: parts that add up, and what is missing with its reason."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from agents.contract import Decoder, TensorSpec
from orchestrator.decide.selection.choose import decide
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.objective import Objective
from orchestrator.domain.perceived import NO_WORDS, PARTS, WORDS
from orchestrator.domain.session import Session
from orchestrator.tell.report.content import ReportContent
from orchestrator.tell.report.page import render
from orchestrator.tell.report.perceived import perceived_chart, perceived_table
from tests.sessions import CONTRACT, STUDY, artifact, candidate, race, score, session

BASE = candidate()
LABELS = ("go", "stop")
HEARING = replace(CONTRACT, decoder=Decoder("keyword", LABELS), outputs=(TensorSpec("y", (1, 2, 2)),))
COUNT = 140


def evaluated(words: int = COUNT, missed: int = 0) -> Session:
    """One word an utterance: it ends at 100 ms, the graph is sure 20 ms later and the decoder 30 ms after that."""
    event = {"label": "go", "frame": 14, "score": 0.9, "heard_frame": 11}
    heard: dict[str, Any] = {"kind": "keyword", "events": [event], "label": None, "text": None, "posteriors": None}
    made = session(BASE, "evaluate")
    decoded = (*[{**heard, "events": []}] * missed, *[heard] * (words - missed))
    spoken = np.array([[n, 0, 10_000_000, 100_000_000] for n in range(words)], dtype=np.int64)
    return replace(made, result=replace(made.result, decoded=decoded), arrays={WORDS: spoken})


def content(*more: Session) -> ReportContent:
    sessions, artifacts = [*race(BASE, service_ms=3.0), *more], [replace(artifact(), contract=HEARING)]
    chosen = decide(STUDY, sessions, artifacts, [score(BASE)], objective=Objective(), constraints=Constraints())
    return ReportContent(STUDY, chosen, sessions, [score(BASE)], artifacts)


def test_the_bar_stacks_the_parts_and_the_table_counts_what_is_in_none() -> None:
    made = content(evaluated(missed=3))
    chart, table = perceived_chart(made), perceived_table(made)
    assert chart.spec is not None
    bars = chart.spec["datasets"][chart.spec["layer"][0]["data"]["name"]]
    assert [row["part"] for row in bars] == list(PARTS)
    known = {row["part"]: row["ms"] for row in bars}
    assert [known[part] for part in PARTS[:4]] == [20.0, 30.0, 0.0, 10.0]
    assert known["latency L_k"] == pytest.approx(3.05, rel=0.05)
    assert table is not None
    (row,) = table.rows
    assert (row.cells[2].text, row.cells[2].detail) == (f"{COUNT - 3}, 3, 0", "utterances")
    p50, p95 = (float(value) for value in row.cells[-1].text.split(", "))
    assert 60 < p50 <= p95 < 65
    assert 'id="chart-perceived"' in render(made)


def test_few_words_have_no_p95_and_the_table_says_why() -> None:
    table = perceived_table(content(evaluated(words=20)))
    assert table is not None
    assert table.rows[0].cells[-1].text.endswith(", —")
    assert table.notes == ("p95 needs 130 values, there are 20",)


def test_without_words_or_without_an_evaluation_the_reason_is_shown() -> None:
    silent = evaluated()
    chart = perceived_chart(content(replace(silent, arrays={})))
    assert chart.absent == NO_WORDS
    assert perceived_table(content()) is None
    assert "no session decoded the evaluation" in render(content())
