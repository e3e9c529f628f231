"""What the charts draw: the sessions the decision stands on, their own order statistics, spikes and all."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.session import VERIFY_BLOCK
from orchestrator.tell.report.chart import Chart, envelope, value_scale
from orchestrator.tell.report.content import ReportContent
from orchestrator.tell.report.latency_charts import spread_chart, tail_chart
from orchestrator.tell.report.paired_chart import paired_chart
from orchestrator.tell.report.pareto_chart import pareto_chart
from orchestrator.tell.report.samples import paced_runs, pooled
from orchestrator.tell.report.timeline_charts import timeline_charts
from tests.orchestrator.tell import builders


@pytest.fixture(scope="module")
def content() -> ReportContent:
    return builders.content(chunks=700, blocks=3)


def rows_of(chart: Chart) -> list[dict[str, object]]:
    assert chart.spec is not None
    return [row for rows in chart.spec["datasets"].values() for row in rows]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=2000), st.integers(1, 300))
def test_an_envelope_keeps_every_extreme(values: list[float], bins: int) -> None:
    y = np.array(values)
    shape = envelope(np.arange(len(y), dtype=np.float64), y, bins)
    assert len(shape.x) <= bins
    assert shape.low.min() == y.min()
    assert shape.high.max() == y.max()
    assert ((shape.low <= shape.middle) & (shape.middle <= shape.high)).all()
    assert (shape.per_bin == 1) == (len(y) <= bins)


def test_a_single_spike_among_many_chunks_is_drawn(content: ReportContent) -> None:
    (latency, *_) = timeline_charts(content)
    winner = content.decision.winner
    assert winner is not None
    sessions = {float(run.session.timeline(16_000).latency_ns.max()) / 1e6 for run in paced_runs(content)[winner]}
    highest = max(float(str(row["high"])) for row in rows_of(latency))
    assert any(highest == pytest.approx(peak, rel=1e-4) for peak in sessions)
    assert "the lowest to the highest of 3" in latency.caption


def test_absent_series_are_named_with_the_reason_of_the_agent(content: ReportContent) -> None:
    charts = {chart.title: chart for chart in timeline_charts(content)}
    assert charts["Power"].absent == "rapl: no powercap folder on this kernel"
    bare = [replace(s, arrays={n: a for n, a in s.arrays.items() if n == "t_ns"}) for s in content.sessions]
    absent = {chart.title: chart.absent for chart in timeline_charts(replace(content, sessions=bare))}
    assert absent["Temperature"] == "the sampler read none in this session"
    assert absent["Resident memory of the agent"] == "the sampler read none in this session"


@pytest.mark.parametrize("rows", [True, False], ids=["failed readings", "no readings"])
def test_a_gap_is_shaded_and_no_line_crosses_it(content: ReportContent, rows: bool) -> None:
    """Read for 4 s, gone for 3 s, and back."""
    begin_ns = 1_000_000_000_000
    at_s = np.arange(0.0, 14.2, 0.1)
    gone = (at_s > 4.0) & (at_s < 7.0)
    celsius = np.where(gone, np.nan, 40.0 + at_s)
    keep = np.ones(len(at_s), bool) if rows else ~gone
    series = {"sample_t_ns": (begin_ns + at_s[keep] * 1e9).astype(np.int64), "sample_temperature_c__cpu": celsius[keep]}
    hot = [replace(s, arrays={**s.arrays, **series}) for s in content.sessions]
    chart = next(c for c in timeline_charts(replace(content, sessions=hot)) if c.title.startswith("Temperature"))
    assert "Not read for 3.00 s in 1 gap (shaded)." in chart.caption
    assert chart.spec is not None
    shaded = [row for row in rows_of(chart) if "end" in row]
    assert [(row["x"], row["end"]) for row in shaded] == [pytest.approx((3.98, 6.98), abs=0.01)]
    lines = {part: [r["x"] for r in rows_of(chart) if r.get("part") == part] for part in (0, 1)}
    assert max(lines[0]) < 4.1
    assert min(lines[1]) > 6.9
    assert {layer["encoding"].get("detail", {}).get("field") for layer in chart.spec["layer"][1:]} == {"part"}


def test_the_tail_is_made_of_observed_chunks(content: ReportContent) -> None:
    winner = content.decision.winner
    assert winner is not None
    everything = pooled(paced_runs(content)[winner])
    curve = [r for r in rows_of(tail_chart(content)) if r["role"] == "winner" and r["run"] is None]
    slowest = next(r for r in curve if r["slowest"])
    assert slowest["latency"] == pytest.approx(everything[-1], rel=1e-4)
    for row in curve:
        latency, slower = float(str(row["latency"])), float(str(row["slower"]))
        assert slower == pytest.approx(float((everything >= latency * (1 - 1e-4)).mean()), abs=0.02)


def test_the_spread_says_who_was_only_screened(content: ReportContent) -> None:
    chart = spread_chart(content)
    assert "Without a paced session: 7." in chart.caption
    assert {row["candidate"] for row in rows_of(chart)} == {e.short for e in content.ranked() if e.number != 7}


def test_marks_are_the_figures_of_the_decision(content: ReportContent) -> None:
    winner = content.winner
    assert winner is not None
    unique = {str(row): row for row in rows_of(spread_chart(content))}.values()
    (p99,) = (row for row in unique if row["role"] == "winner" and row.get("statistic") == "p99")
    assert p99["value"] == pytest.approx(winner.metrics["latency_p99_ms"].value, rel=1e-4)


def test_the_front_leaves_out_who_is_beaten_or_rejected(content: ReportContent) -> None:
    chart = pareto_chart(content, "latency_p99_ms")
    assert chart.spec is not None
    front = chart.spec["datasets"][chart.spec["layer"][0]["data"]["name"]]
    assert [row["x"] for row in front] == [0.0, 0.3, 0.4]
    assert all(after["y"] < before["y"] for before, after in itertools.pairwise(front))
    assert "for want of one of the two figures: 7" in chart.caption


def test_blocks_pair_the_winner_with_the_default(content: ReportContent) -> None:
    rows = rows_of(paired_chart(content, "latency_p50_ms"))
    assert sorted((r["block"], r["role"]) for r in rows) == [(b, r) for b in (1, 2, 3) for r in ("default", "winner")]
    assert "The winner is lower in 3 of 3 blocks." in paired_chart(content, "latency_p50_ms").caption


def test_what_one_run_cannot_tell_is_replaced_and_said() -> None:
    chart = paired_chart(builders.content(chunks=120, blocks=2), "latency_p99_ms")
    assert chart.caption.startswith("One run cannot tell latency p99; latency p50 is shown.")


def test_verifying_and_repeated_sessions_are_not_evidence(content: ReportContent) -> None:
    first = content.decided_on("paced")[0]
    fresh = replace(first, planned=replace(first.planned, block=VERIFY_BLOCK))
    again = replace(first, planned=replace(first.planned, attempt=1))
    hot = replace(again, planned=replace(first.planned, attempt=2), result=replace(first.result, after=throttled()))
    kept = replace(content, sessions=[*content.sessions, fresh, hot, again]).decided_on("paced")
    assert len(kept) == len(content.decided_on("paced"))
    assert any(s is again for s in kept)
    assert all(s is not other for s in kept for other in (fresh, hot, first))


def throttled() -> builders.DeviceState:
    return replace(builders.state(85.0), throttled=True)


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=20))
def test_scales_hold_all_their_values(values: list[float]) -> None:
    scale = value_scale(values).to_dict()
    low, high = scale["domain"]
    assert low <= min(values)
    assert high >= max(values)
    assert low < high
    assert low > 0 or scale.get("type") != "log"


def test_a_chart_is_drawn_or_says_why_not() -> None:
    with pytest.raises(ValueError, match="either a spec or the reason"):
        Chart("x", "X", "", "", None)
