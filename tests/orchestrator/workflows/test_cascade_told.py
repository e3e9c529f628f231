"""What is told of cascades on a simulated device: the page and the terminal say what the arrays say."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from orchestrator.cli.cascade_shown import print_told
from orchestrator.domain.cascade_budget import parts_ms
from orchestrator.domain.cascade_path import CascadeTimes
from orchestrator.domain.cascade_ratio import cascade_ratios
from orchestrator.tell.report.cascade_page import Drawn, render_cascades
from orchestrator.workflows.cascade import RanCascade
from orchestrator.workflows.cascade_told import told
from tests.simulator.cascade import TEXT_CONTRACT, Costs, cascade_of, run_cascade
from tests.simulator.device import SimulatedDevice

MS = 1_000_000
SPEECH = [(20 + 60 * n, 40 + 60 * n) for n in range(12)]


def runs(token_ms: int, count: int = 1, order: str = "first-come") -> list[CascadeTimes]:
    costs = Costs(gate_ns=1 * MS, text_ns=2 * MS, last_ns=5 * MS, token_ns=token_ms * MS)
    return [run_cascade(SimulatedDevice(), costs, SPEECH, 740, cascade_of(order)) for _ in range(count)]


def ran(of: Sequence[CascadeTimes]) -> RanCascade:
    cascade = of[0].session.planned.cascade
    assert cascade is not None
    return RanCascade(cascade, TEXT_CONTRACT, tuple(run.session for run in of))


def test_what_is_told_follows_from_the_arrays(capsys: pytest.CaptureFixture[str]) -> None:
    found = told(ran(runs(token_ms=50)))
    assert (found.utterances, found.answered, found.unspoken) == (12, 12, 0)
    assert [stage.libraries_mb for stage in found.stages] == [21.0, 5.0, 0.0]
    assert [stage.service_ms for stage in found.stages] == [1.0, 2.0, 50.0]
    assert found.stages[0].load_ms == 3.0
    assert (found.verdict, found.doubts) == ("valid", ())
    print_told(found)
    shown = capsys.readouterr().out
    assert "450 ms" in shown
    # Two tokens of prompt and three more: 250 ms of 450, in every utterance.
    assert "250 [250..250]" in shown
    assert "0 of 12" in shown


def test_the_page_says_whether_the_budget_is_met() -> None:
    pages = {}
    for token_ms in (50, 200):
        each = ran(runs(token_ms))
        drawn = Drawn(told(each), parts_ms(np.concatenate([run.way_ns for run in each.times])))
        pages[token_ms] = render_cascades([drawn])
    assert "the budget of 610 ms is met in p50" in pages[50]
    assert "the budget of 610 ms is missed in p50" in pages[200]
    assert "12 heard, 0 missed, 0 false" in pages[50]
    assert "p95 needs 130 values, there are 12" in pages[50]


def test_a_stream_without_speech_is_told_without_a_figure(capsys: pytest.CaptureFixture[str]) -> None:
    costs = Costs(gate_ns=1 * MS, text_ns=2 * MS, last_ns=5 * MS, token_ns=1 * MS)
    run = run_cascade(SimulatedDevice(), costs, [], 100)
    found = told(ran([run]))
    assert (found.utterances, found.answered, found.rows[0].n) == (0, 0, 100)
    assert all(row.mean_ms is None and row.percentiles[0].value is None for row in found.rows if row.stage != "vad")
    print_told(found)
    assert "0 utterances" in capsys.readouterr().out
    page = render_cascades([Drawn(found, parts_ms(run.way_ns))])
    assert "simulated: no utterance ended" in page


def test_nothing_follows_from_a_late_pacer() -> None:
    """Each wait ends 5 ms late, of chunks of 32 ms: the harness was measured."""
    costs = Costs(gate_ns=1 * MS, text_ns=2 * MS, last_ns=5 * MS, token_ns=1 * MS)
    run = run_cascade(SimulatedDevice(wake_late_ns=lambda _: 5 * MS), costs, SPEECH, 740)
    each = ran([run])
    found = told(each)
    assert found.verdict == "invalid"
    assert found.doubts == ("invalid: chunks were issued 16 % of a chunk late in the median: it measured the pacer",)
    page = render_cascades([Drawn(found, parts_ms(run.way_ns))])
    assert "not valid, so that nothing follows from its figures" in page


def test_a_ratio_is_that_of_the_costs() -> None:
    """Tokens that cost twice as much: the reply takes twice as long, in each of three pairs."""
    ratios = {each.part: each for each in cascade_ratios(runs(20, 3), runs(40, 3))}
    reply = ratios["text -> last token"]
    assert (reply.a_ms, reply.b_ms) == (100.0, 200.0)
    assert reply.ratio.value == pytest.approx(2.0)
    assert reply.ratio.n == 3
    text = ratios["utterance over -> text"]
    assert text.ratio.value == pytest.approx(1.0)


def test_a_stand_in_says_that_it_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    run = runs(token_ms=50)[0]
    environment = run.session.environment
    stand_in = replace(environment, probe=replace(environment.probe, virtual="stand-in: pi5"))
    each = ran([CascadeTimes(replace(run.session, environment=stand_in), run.sample_rate_hz)])
    print_told(told(each))
    assert "stand-in: stand-in: pi5: the times are those of this machine" in capsys.readouterr().out
    page = render_cascades([Drawn(told(each), parts_ms(run.way_ns))])
    assert "the times are those of this machine" in page
