"""A cascade whose service times are known: the figures that are told of it equal what follows from them."""

import numpy as np
import pytest

from agents import cascade_arrays as at
from agents import wire
from orchestrator.domain.cascade_budget import MET, MISSED, PARTS, STAGE, SUM, budget_table, parts_ms
from orchestrator.domain.cascade_path import CLOSED, CLOSING, LAST_TOKEN, SPOKEN, TEXT
from orchestrator.domain.cascade_words import perceived_words
from tests.simulator.cascade import (
    EVENT_CHUNK,
    GATE_CHUNK,
    RATE_HZ,
    TEXT_CHUNK,
    TEXT_CONTRACT,
    Costs,
    cascade_of,
    run_cascade,
)
from tests.simulator.device import SimulatedDevice

MS = 1_000_000
CHUNK_NS = GATE_CHUNK * 1_000_000_000 // RATE_HZ
# Chunks 20 to 40 are spoken; 320 ms of quiet end the utterance with chunk 49, which has come at 50 C.
SPEECH = [(20, 40)]
CLOSING_CHUNK = 49
FAST = Costs(gate_ns=1 * MS, text_ns=2 * MS, last_ns=5 * MS, token_ns=10 * MS)


def test_an_utterance_waits_for_exactly_its_stages() -> None:
    device = SimulatedDevice()
    run = run_cascade(device, FAST, SPEECH, chunks=100)
    ((spoken, closing, closed, text, first, last),) = (run.way_ns - device.start_ns).tolist()

    assert spoken == 40 * CHUNK_NS
    assert closing == (CLOSING_CHUNK + 1) * CHUNK_NS
    # The gate's own chunk, and a chunk of text that was there at the same moment or before and took its turn.
    begin = run.utterances[0, at.BEGIN]
    assert begin == 20 * GATE_CHUNK - 256 * RATE_HZ // 1000
    ended = (CLOSING_CHUNK + 1) * GATE_CHUNK - begin
    running = run.times[(run.whose[:, at.STAGE] == 1) & (run.times[:, at.ISSUE] < device.start_ns + closing)]
    busy_until = max(closing, int(running[-1, at.DONE]) - device.start_ns)
    assert closed == busy_until + FAST.gate_ns
    left = -(-ended // TEXT_CHUNK) - len(running)
    assert text == closed + left * FAST.text_ns + FAST.last_ns
    # "hi" is two tokens; the first of the reply comes with the second, three more follow. Audio comes first: each gate
    # chunk that arrived meanwhile took its turn between two tokens.
    served = run.times[run.times[:, at.ISSUE] >= device.start_ns + text]
    gates = (served[:, at.DONE] - served[:, at.ISSUE] == FAST.gate_ns) & (served[:, at.DONE] <= device.start_ns + last)
    assert last == text + 5 * FAST.token_ns + int(gates.sum()) * FAST.gate_ns
    assert text < first < last


@pytest.mark.parametrize("order", wire.ORDERS)
def test_late_runs_never_move_the_audio(order: str) -> None:
    device = SimulatedDevice()
    slow = Costs(gate_ns=1 * MS, text_ns=2 * MS, last_ns=5 * MS, token_ns=150 * MS)
    run = run_cascade(device, slow, SPEECH, chunks=120, cascade=cascade_of(order))
    gate = run.of_stage(0)
    np.testing.assert_array_equal(gate[:, at.ARRIVAL], device.start_ns + CHUNK_NS * np.arange(1, 121))
    assert run.backlog_chunks.max() >= 4
    assert run.lateness_ns.max() == 0
    worst = run.latency_ns(0).max()
    if order == wire.AUDIO_FIRST:
        # No chunk waits for more than the token that runs.
        assert worst <= slow.token_ns + 5 * slow.gate_ns
    else:
        # The reply was asked for before they came: it is said to its end.
        assert worst >= 4 * slow.token_ns


def test_what_comes_first_is_served_first_where_audio_does_not() -> None:
    slow = Costs(gate_ns=1 * MS, text_ns=2 * MS, last_ns=5 * MS, token_ns=40 * MS)
    ways = {}
    for order in wire.ORDERS:
        run = run_cascade(SimulatedDevice(), slow, SPEECH, chunks=120, cascade=cascade_of(order))
        ways[order] = int(run.way_ns[0, LAST_TOKEN] - run.way_ns[0, TEXT])
    assert ways[wire.FIRST_COME] == 5 * slow.token_ns
    assert ways[wire.AUDIO_FIRST] > ways[wire.FIRST_COME]


def test_a_recognizer_that_waits_for_the_end_does_all_its_work_then() -> None:
    run = run_cascade(SimulatedDevice(), FAST, SPEECH, chunks=100, cascade=cascade_of(when=wire.FINAL))
    own = run.of_stage(1)
    assert (own[:, at.READY] == run.utterances[0, at.CLOSED]).all()
    chunks = -(-(50 * GATE_CHUNK - int(run.utterances[0, at.BEGIN])) // TEXT_CHUNK)
    assert len(own) == chunks
    waited = int(run.way_ns[0, TEXT] - run.way_ns[0, CLOSED])
    assert waited >= chunks * FAST.text_ns + FAST.last_ns


def test_parts_add_up_to_the_whole_way() -> None:
    run = run_cascade(SimulatedDevice(), FAST, [(20, 40), (70, 90)], chunks=140)
    parts = parts_ms(run.way_ns)
    assert parts.shape == (2, len(PARTS))
    whole = (run.way_ns[:, LAST_TOKEN] - run.way_ns[:, SPOKEN]) / MS
    np.testing.assert_allclose(parts.sum(axis=1), whole)


def test_a_word_waits_for_the_run_that_has_it() -> None:
    """The event lies in chunk 45 of the utterance, whose samples end 45 and one chunk of 20 ms after its begin."""
    run = run_cascade(SimulatedDevice(), FAST, SPEECH, chunks=100)
    found = perceived_words(run, TEXT_CONTRACT)
    assert not isinstance(found, str)
    assert (found.heard, found.missed, found.false_events) == (1, 0, 0)
    own = (run.whose[:, at.STAGE] == 1) & (run.whose[:, at.NUMBER] == EVENT_CHUNK)
    ((arrival, done),) = run.times[own][:, (at.ARRIVAL, at.DONE)].tolist()
    heard_at = (int(run.utterances[0, at.BEGIN]) + (EVENT_CHUNK + 1) * TEXT_CHUNK) * 1_000_000_000 // RATE_HZ
    assert arrival == run.begin_ns + heard_at
    emission, endpointing, lookahead, wait, latency = found.parts_ns[0].tolist()
    assert (endpointing, lookahead, wait) == (0, 0, 0)
    assert emission == heard_at - 40 * CHUNK_NS
    assert latency == done - arrival >= FAST.text_ns
    assert found.total_ns[0] == done - run.begin_ns - 40 * CHUNK_NS


def test_the_budget_table_says_what_was_met_and_what_was_not() -> None:
    """Thirty utterances of known cost: medians are the truth, and tails that too few utterances cannot tell are not."""
    speech = [(20 + 60 * n, 40 + 60 * n) for n in range(30)]
    costs = Costs(gate_ns=1 * MS, text_ns=2 * MS, last_ns=5 * MS, token_ns=120 * MS)
    cascade = cascade_of(wire.FIRST_COME)
    run = run_cascade(SimulatedDevice(), costs, speech, chunks=1900, cascade=cascade)
    rows = {(row.kind, row.stage): row for row in budget_table(cascade, [run])}
    gate, text, reply, total = (
        rows[key] for key in ((STAGE, "vad"), (STAGE, "asr"), (STAGE, "lm"), (SUM, "all stages"))
    )
    assert gate.n == 1900
    assert gate.percentiles[0].value == 1.0
    assert gate.verdicts[0] == MET
    assert text.verdicts == (MET, "not estimable", "not estimable")
    # Two prompt tokens and three further ones.
    assert reply.percentiles[0].value == 600.0
    assert (reply.verdicts[0], reply.over, reply.n) == (MISSED, 30, 30)
    assert total.budget_ms == 610.0
    assert total.percentiles[0].value is not None
    measured = (run.way_ns[:, LAST_TOKEN] - run.way_ns[:, CLOSING]) / MS
    assert total.percentiles[0].value == np.sort(measured)[14]
    assert total.over == int((measured > 610.0).sum())
