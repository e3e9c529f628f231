"""The latency budget of a word against times worked out by hand: C = 20 ms, two frames of 10 ms a chunk."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from agents import wire
from agents.contract import Decoder, StatePair, StepContract, TensorSpec
from orchestrator.domain.latency_budget import budget
from orchestrator.domain.perceived import NO_WORDS, PARTS, WORDS, Perceived, perceived, perceived_of
from orchestrator.domain.session import Session
from tests.sessions import CHUNK_NS, CHUNK_SAMPLES, CONTRACT, candidate, session

MS = 1_000_000
LABELS = ("yes", "no", "silence")
HEARING = replace(
    CONTRACT,
    decoder=Decoder("keyword", LABELS, ignored=("silence",), smooth_frames=8),
    outputs=(TensorSpec("logits", (1, 2, len(LABELS))),),
)


def events(*told: tuple[str, int, int]) -> dict[str, Any]:
    """(label, frame of the event, frame in which the graph was sure)."""
    listed = [{"label": label, "frame": at, "score": 0.9, "heard_frame": sure} for label, at, sure in told]
    return {"kind": "keyword", "events": listed, "label": None, "text": None, "posteriors": None}


def words(*spoken: tuple[int, str, int, int]) -> NDArray[np.int64]:
    """(span, label, begin in ms, end in ms)."""
    return np.array([[span, LABELS.index(label), a * MS, b * MS] for span, label, a, b in spoken], dtype=np.int64)


def heard(mode: str, decoded: list[dict[str, Any]], spoken: NDArray[np.int64], **of: Any) -> Session:
    made = session(candidate(), mode, chunks=100, **of)
    return replace(made, result=replace(made.result, decoded=tuple(decoded)), arrays={**made.arrays, WORDS: spoken})


def steady_times(latency_ms: float = 3.0, chunks: int = 100) -> NDArray[np.int64]:
    """Every chunk is done so long after its arrival; the stream begins at 7 ms of the clock."""
    arrival = 7 * MS + CHUNK_NS * np.arange(1, chunks + 1, dtype=np.int64)
    done = arrival + round(latency_ms * MS)
    return np.stack([arrival, arrival + 1000, arrival + 2000, done - 1000, done], axis=1).astype(np.int64)


def parts_ms(found: Perceived | str) -> list[dict[str, float]]:
    assert isinstance(found, Perceived), found
    return [dict(zip(PARTS, (row / MS).tolist(), strict=True)) for row in found.parts_ns]


def test_the_synthetic_contract_has_two_frames_a_chunk() -> None:
    assert (CHUNK_NS, HEARING.frame_samples() * 2) == (20 * MS, CHUNK_SAMPLES)


def test_the_parts_of_one_word_add_up_to_its_event() -> None:
    # The word ends at 300 ms. The graph is sure in frame 32 (its last sample exists at 330 ms), the decoder's average
    # in frame 36 (370 ms), which is the first of chunk 18: that chunk is full at 380 ms and done at 383 ms.
    made = heard("paced", [events(("yes", 36, 32))], words((0, "yes", 100, 300)), t_ns=steady_times())
    found = perceived(made, HEARING)
    assert parts_ms(found) == [
        {"emission delay": 30.0, "endpointing": 40.0, "lookahead": 0.0, "chunk wait": 10.0, "latency L_k": 3.0}
    ]
    assert isinstance(found, Perceived)
    assert found.total_ns.tolist() == [83 * MS]


def test_a_swiped_word_waits_for_whatever_word_its_trace_gave() -> None:
    frame = TensorSpec("frame", (1, 3))
    step = StepContract(
        TensorSpec("token", (1,), "int32"),
        frame,
        (StatePair("h_in", "h_out", (1, 2)),),
        TensorSpec("logits", (1, len(LABELS))),
    )
    swiping = replace(
        CONTRACT, decoder=Decoder("trie", LABELS), outputs=(TensorSpec("encoded", (1, 2, 3)),), search=step
    )
    told = events(("hello", 37, 37), ("yes", 77, 77))
    made = heard("paced", [told], words((0, "no", 100, 300), (0, "no", 600, 700)), t_ns=steady_times())
    first, second = parts_ms(perceived(made, swiping))
    # Frame 37 is the last of chunk 18, which is full at 380 ms and done at 383 ms.
    assert (first["emission delay"], first["chunk wait"], sum(first.values())) == (80.0, 0.0, 83.0)
    assert sum(second.values()) == 83.0


def test_lookahead_is_no_delay_of_the_model() -> None:
    contract = replace(HEARING, lookahead_samples=CHUNK_SAMPLES)
    made = heard("paced", [events(("yes", 36, 32))], words((0, "yes", 100, 300)), t_ns=steady_times())
    (row,) = parts_ms(perceived(made, contract))
    assert (row["emission delay"], row["lookahead"], sum(row.values())) == (10.0, 20.0, 83.0)


def test_a_model_that_is_sure_before_the_end_of_the_word_has_a_negative_delay() -> None:
    made = heard("paced", [events(("yes", 27, 21))], words((0, "yes", 100, 300)), t_ns=steady_times())
    (row,) = parts_ms(perceived(made, HEARING))
    assert row["emission delay"] == -80.0
    assert sum(row.values()) == pytest.approx(280 + 3 - 300)


def test_each_word_has_the_latency_of_its_own_chunk() -> None:
    times = steady_times()
    times[18, wire.MODEL_DONE :] += 40 * MS
    for late in (19, 20):
        times[late, wire.ISSUE :] = times[late - 1, wire.DONE] + np.array([0, 1000, 2000, 3000])
    made = heard(
        "paced", [events(("yes", 36, 32), ("no", 76, 72))], words((0, "yes", 100, 300), (0, "no", 600, 700)), t_ns=times
    )
    assert [row["latency L_k"] for row in parts_ms(perceived(made, HEARING))] == [43.0, 3.0]


def test_a_trace_that_delivers_late_makes_the_user_wait_for_the_chunk() -> None:
    times = steady_times()
    times[18] += 6 * MS
    made = heard("paced", [events(("yes", 36, 32))], words((0, "yes", 100, 300)), t_ns=times)
    (row,) = parts_ms(perceived(made, HEARING))
    assert (row["chunk wait"], row["latency L_k"]) == (16.0, 3.0)


def test_frames_after_a_dropped_chunk_lie_one_chunk_later() -> None:
    times = steady_times()
    times[5, wire.ISSUE :] = wire.NEVER_NS
    # The decoder never heard chunk 5: its frame 34 is of chunk 18.
    made = heard("paced", [events(("yes", 34, 30))], words((0, "yes", 100, 300)), t_ns=times)
    (row,) = parts_ms(perceived(made, HEARING))
    assert sum(row.values()) == pytest.approx(383 - 300)


def test_missed_words_and_false_events_are_counted_and_never_averaged_in() -> None:
    spoken = words((0, "yes", 100, 300), (0, "no", 600, 700), (0, "yes", 1900, 1990))
    told = events(("yes", 36, 32), ("yes", 60, 59), ("no", 150, 149), ("yes", 190, 190))
    found = perceived(heard("paced", [told], spoken, t_ns=steady_times()), HEARING)
    assert isinstance(found, Perceived)
    # The second yes is a second time for the same word. "no" comes 810 ms after its word: neither is that word's.
    # The last word ends so near the stream's end that a late event would not have come: it does not count at all.
    assert (found.heard, found.missed, found.false_events) == (1, 1, 1)


def test_two_equal_words_in_a_row_have_an_event_each() -> None:
    spoken = words((0, "yes", 100, 300), (0, "yes", 310, 500))
    found = perceived(heard("paced", [events(("yes", 34, 32), ("yes", 54, 52))], spoken, t_ns=steady_times()), HEARING)
    assert [row["emission delay"] for row in parts_ms(found)] == [30.0, 30.0]


def test_an_evaluation_takes_the_latency_of_paced_chunks() -> None:
    decoded = [events(("yes", 36, 32)), events(), events(("no", 20, 20))]
    made = heard("evaluate", decoded, words((0, "yes", 100, 300), (1, "yes", 100, 300), (2, "no", 100, 180)))
    found = perceived_of(made, HEARING, np.array([5 * MS]))
    assert [row["latency L_k"] for row in parts_ms(found)] == [5.0, 5.0]
    assert [row["chunk wait"] for row in parts_ms(found)] == [10.0, 10.0]
    assert isinstance(found, Perceived)
    assert (found.missed, found.false_events) == (1, 0)
    assert perceived_of(made, HEARING, np.zeros(0, dtype=np.int64)) == "no paced session gave a latency"


def test_a_percentile_needs_words_enough() -> None:
    spoken = words(*((0, "yes", 100 * k, 100 * k + 80) for k in range(12)))
    told = events(*(("yes", 10 * k + 9, 10 * k + 8) for k in range(12)))
    found = perceived(heard("paced", [told], spoken, t_ns=steady_times()), HEARING)
    assert isinstance(found, Perceived)
    *parts, total = budget(found).parts
    assert found.heard == 12
    # Sure at 90 ms after 80, confirmed 10 ms later, in the second frame of a chunk that takes 3 ms.
    assert (total.p50.value, total.p50.low, total.p50.high) == (23.0, 23.0, 23.0)
    assert total.p95.value is None
    assert total.p95.reason == "p95 needs 130 values, there are 12"
    assert total.mean_ms == pytest.approx(sum(part.mean_ms or 0.0 for part in parts))


def test_a_latency_of_never_is_never_a_mean() -> None:
    made = heard(
        "evaluate",
        [events(*(("yes", 36 + 60 * k, 32 + 60 * k) for k in range(11)))],
        words(*((0, "yes", 100 + 600 * k, 300 + 600 * k) for k in range(11))),
    )
    found = perceived_of(made, HEARING, np.array([wire.NEVER_NS]))
    assert isinstance(found, Perceived)
    total = budget(found).parts[-1]
    assert (total.mean_ms, total.p50.value) == (None, None)
    assert total.p50.reason == "never: so many chunks were dropped"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"arrays": {}}, NO_WORDS),
        ({"mode": "flat-out"}, "chunks of a flat-out session do not arrive"),
        ({"older": True}, "an older agent ran it, which did not tell when the graph itself was sure"),
    ],
)
def test_what_is_not_known_has_its_reason(change: dict[str, Any], reason: str) -> None:
    told = events(("yes", 36, 32))
    if "older" in change:
        del told["events"][0]["heard_frame"]
    made = heard(change.get("mode", "paced"), [told], words((0, "yes", 100, 300)))
    if "arrays" in change:
        made = replace(made, arrays={"t_ns": made.arrays["t_ns"]})
    assert perceived(made, HEARING) == reason


def test_a_model_without_a_decoder_tells_no_word() -> None:
    made = heard("paced", [events()], words((0, "yes", 100, 300)))
    assert perceived(made, CONTRACT) == f"{CONTRACT.model} has no decoder, so that it tells no word"
