"""The page of ``earshot drift``, and in a real Chromium."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from orchestrator.domain.state_drift import FREE_RUNNING, TEACHER_FORCED, DriftReport, LengthScore, TensorDrift
from orchestrator.statistics.interval import Interval, not_estimable
from orchestrator.tell.report.drift_page import render_drift
from orchestrator.tell.report.page import write_page
from tests.orchestrator.tell.test_report_browser import browse
from tests.orchestrator.tell.test_report_page import chart_specs

CHUNKS = 1200


def tensor(name: str, way: str, verdict: str = "bounded") -> TensorDrift:
    slope = Interval(0.5, 0.4, 0.6, 10, 0.975) if verdict == "drifts" else not_estimable("too short", 0)
    return TensorDrift(name, "state", way, 0.25, 0.99, 20.0, slope, 0.1, 33.3, verdict, "because")


def report(**changes: object) -> DriftReport:
    made = DriftReport(
        model="<b>kws</b>",
        artifact="onnx:int8-dynamic",
        artifact_sha256="a" * 64,
        source_sha256="b" * 64,
        seconds=CHUNKS * 0.1,
        chunk_s=0.1,
        loop_s=10.0,
        resets=0,
        verdict="drifts",
        sentence="Drifts: state h.",
        further=("Resets were not <i>tried</i>.",),
        tensors=tuple(
            tensor(name, way, "drifts" if name == "h" else "bounded")
            for way in (TEACHER_FORCED, FREE_RUNNING)
            for name in ("c", "h")
        ),
        metric="wer",
        lengths=(
            LengthScore(1, 2.0, 100, 0.05, 0.06, None, Interval(0.01, 0.0, 0.02, 100)),
            LengthScore(100, 200.0, 1, 0.05, 0.1, None, Interval(0.05, None, None, 1, reason="1 is too few")),
        ),
        absent={"resets": "no silence"},
        series="drift/x.npz",
    )
    return replace(made, **changes)


def page_of(made: DriftReport) -> str:
    free = np.stack([np.full(CHUNKS, 0.1), np.linspace(0, 3, CHUNKS)], axis=1)
    return render_drift(made, {TEACHER_FORCED: np.full((CHUNKS, 2), 0.01), FREE_RUNNING: free})


def test_the_worst_tensor_is_drawn_first_and_text_is_escaped() -> None:
    page = page_of(report())
    assert set(chart_specs(page)) == {"drift-0", "drift-1", "lengths"}
    assert page.index('id="chart-drift-1"') < page.index('id="chart-drift-0"')
    assert "<b>kws" not in page
    assert "Resets were not &lt;i&gt;tried&lt;/i&gt;." in page
    assert "1 is too few" in page
    assert "no silence" in page
    assert not re.search(r'(src|href)="https?:', page)


def test_what_is_absent_says_why() -> None:
    page = page_of(report(metric=None, lengths=(), absent={"lengths": "it has no decoder", "resets": "no silence"}))
    assert "Not drawn: it has no decoder." in page


def test_chromium_draws_every_chart(tmp_path: Path) -> None:
    path = tmp_path / "drift.html"
    write_page(path, page_of(report()))
    ran = browse(path, "--window-size=390,844", "--dump-dom")
    assert 'data-charts="drawn"' in ran.stdout
    assert 'class="chart-error"' not in ran.stdout
    assert [line for line in ran.stderr.splitlines() if "CONSOLE" in line] == []
