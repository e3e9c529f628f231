"""Decoders on logits written by hand, and on any chunking of random ones."""

import json
import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from agents.contract import Decoder
from agents.decode import make_decoder

LABELS = ("yes", "no", "unknown", "silence")
KEYWORD = Decoder(
    "keyword", LABELS, ignored=("unknown", "silence"), smooth_frames=4, threshold=0.6, refractory_frames=5
)
CTC = Decoder("ctc", ("<blank>", "one", "two"))


def logits(classes: list[int], count: int, sure: float = 20.0) -> NDArray[np.float32]:
    """Frames that are sure of one class each, shape (1, frames, count)."""
    out = np.zeros((1, len(classes), count), dtype=np.float32)
    out[0, np.arange(len(classes)), classes] = sure
    return out


def decode(decoder: Decoder, outputs: NDArray[Any]) -> Any:
    made = make_decoder(decoder)
    made.push(outputs)
    return made.finish()


def test_a_keyword_fires_when_its_average_reaches_the_threshold() -> None:
    heard = decode(KEYWORD, logits([3] * 10 + [0] * 4 + [3] * 10, 4))
    # 3 of 4 frames are the first share that is >= 0.6: the third frame of the word.
    assert [(e["label"], e["frame"]) for e in heard["events"]] == [("yes", 12)]
    assert heard["events"][0]["score"] == pytest.approx(1.0, abs=1e-6)
    assert heard["label"] == "yes"
    assert heard["posteriors"]["yes"] == pytest.approx(1.0, abs=1e-6)
    assert heard["posteriors"]["no"] < 1e-6


def test_an_event_tells_when_the_graph_said_so_by_itself() -> None:
    outputs = logits([3] * 10 + [0] * 4 + [3] * 10, 4)
    (event,) = decode(KEYWORD, outputs)["events"]
    assert (event["heard_frame"], event["frame"]) == (10, 12)
    outputs[0, 10] = 0.0  # A quarter for each label: not by itself.
    (event,) = decode(KEYWORD, outputs)["events"]
    assert (event["heard_frame"], event["frame"]) == (11, 13)


def test_greedy_ctc_waits_for_no_confirmation() -> None:
    assert [(e["heard_frame"], e["frame"]) for e in decode(CTC, logits([0, 1, 1, 2], 3))["events"]] == [(1, 1), (3, 3)]


def test_frames_before_the_start_count_as_zeros() -> None:
    assert decode(KEYWORD, logits([0, 0], 4))["events"] == []
    assert decode(KEYWORD, logits([0, 0, 0], 4))["events"][0]["frame"] == 2


def test_a_keyword_is_deaf_for_its_refractory_time_and_then_fires_again() -> None:
    heard = decode(KEYWORD, logits([0] * 9, 4))
    assert [e["frame"] for e in heard["events"]] == [2, 7]


def test_another_keyword_may_fire_while_one_is_deaf() -> None:
    heard = decode(KEYWORD, logits([0] * 4 + [1] * 4, 4))
    assert [(e["label"], e["frame"]) for e in heard["events"]] == [("yes", 2), ("no", 6)]


def test_ignored_labels_never_fire_but_may_name_the_clip() -> None:
    heard = decode(KEYWORD, logits([3] * 5 + [2] * 5 + [3] * 5, 4))
    assert heard["events"] == []
    assert heard["label"] == "unknown"


def test_a_clip_in_which_nothing_reaches_the_threshold_is_background() -> None:
    assert decode(KEYWORD, logits([3] * 8 + [0] * 2 + [3] * 8, 4))["label"] == "silence"
    assert make_decoder(KEYWORD).finish()["label"] == "silence"


def test_nan_never_fires() -> None:
    heard = decode(KEYWORD, np.full((1, 8, 4), np.nan, dtype=np.float32))
    assert heard["events"] == []
    assert heard["label"] == "silence"
    assert list(heard["posteriors"].values()) == [0.0] * 4


def test_infinite_logits_are_only_very_sure() -> None:
    outputs = logits([0] * 4, 4, sure=np.inf)
    outputs[..., 1] = -np.inf
    assert decode(KEYWORD, outputs)["label"] == "yes"


def test_ctc_merges_repeats_and_keeps_repeats_across_a_blank() -> None:
    heard = decode(CTC, logits([0, 1, 1, 0, 1, 2, 2, 0], 3))
    assert heard["text"] == "one one two"
    assert [e["frame"] for e in heard["events"]] == [1, 4, 5]
    assert heard["events"][0]["score"] == pytest.approx(1.0, abs=1e-6)


def test_ctc_carries_the_last_class_over_a_chunk_border() -> None:
    decoder = make_decoder(CTC)
    for part in ([0, 1], [1, 1], [0, 2]):
        decoder.push(logits(part, 3))
    assert decoder.finish()["text"] == "one two"
    decoder.reset()
    decoder.push(logits([2], 3))
    assert decoder.finish()["events"][0]["frame"] == 0


def test_no_decoder_hears_nothing() -> None:
    assert decode(Decoder(), logits([1], 3)) == {
        "kind": "none",
        "events": [],
        "label": None,
        "text": None,
        "posteriors": None,
    }


def test_a_blank_that_is_no_label_is_refused() -> None:
    with pytest.raises(ValueError, match="blank must be an index into 2 labels, got 2"):
        make_decoder(Decoder("ctc", ("a", "b"), blank=2))


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 120),
    st.lists(st.integers(0, 120), max_size=12),
    st.sampled_from([KEYWORD, CTC]),
)
def test_no_chunking_changes_what_is_heard(seed: int, frames: int, cuts: list[int], decoder: Decoder) -> None:
    rng = np.random.default_rng(seed)
    outputs = (rng.standard_normal((1, frames, len(decoder.labels))) * 4).astype(np.float32)
    whole = decode(decoder, outputs)
    chunked = make_decoder(decoder)
    for a, b in pairwise(sorted({0, frames, *(c % (frames + 1) for c in cuts)})):
        chunked.push(outputs[:, a:b])
    got = json.loads(json.dumps(chunked.finish()))
    assert [(e["label"], e["frame"]) for e in got["events"]] == [(e["label"], e["frame"]) for e in whole["events"]]
    assert [e["score"] for e in got["events"]] == pytest.approx([e["score"] for e in whole["events"]], abs=1e-9)
    assert (got["label"], got["text"]) == (whole["label"], whole["text"])


def plain_keyword(decoder: Decoder, frames: list[list[float]]) -> dict[str, Any]:
    """The keyword decoder as its docstring says it: plain numbers, one frame and one label after the other."""
    posteriors = []
    for frame in frames:
        exponents = [math.exp(value - max(frame)) for value in frame]
        posteriors.append([value / sum(exponents) for value in exponents])
    greatest = [0.0] * len(decoder.labels)
    events: list[dict[str, Any]] = []
    last: dict[str, dict[str, Any]] = {}
    for t in range(len(frames)):
        window = posteriors[max(0, t - decoder.smooth_frames + 1) : t + 1]
        for index, label in enumerate(decoder.labels):
            smoothed = sum(row[index] for row in window) / decoder.smooth_frames
            greatest[index] = max(greatest[index], smoothed)
            deaf = label in last and t - last[label]["frame"] < decoder.refractory_frames
            if deaf:
                last[label]["score"] = max(last[label]["score"], smoothed)
            elif smoothed >= decoder.threshold and label not in decoder.ignored:
                last[label] = {"label": label, "frame": t, "score": smoothed}
                events.append(last[label])
    background = decoder.ignored[-1]
    best = max((label for label in decoder.labels if label != background), key=lambda x: greatest[LABELS.index(x)])
    clip = best if greatest[LABELS.index(best)] >= decoder.threshold else background
    return {"events": events, "label": clip, "posteriors": dict(zip(LABELS, greatest, strict=True))}


def plain_ctc(decoder: Decoder, frames: list[list[float]]) -> list[tuple[str, int, float]]:
    found, last = [], decoder.blank
    for t, frame in enumerate(frames):
        best = frame.index(max(frame))
        if best not in (last, decoder.blank):
            found.append((decoder.labels[best], t, 1.0 / sum(math.exp(value - frame[best]) for value in frame)))
        last = best
    return found


def held_logits(seed: int, frames: int, classes: int) -> NDArray[np.float32]:
    """Noise in which a class is held for a while, as speech does, so that labels fire, wait and fire again."""
    rng = np.random.default_rng(seed)
    held = np.repeat(rng.integers(0, classes, frames), rng.integers(1, 12, frames))[:frames]
    outputs = rng.standard_normal((1, frames, classes)).astype(np.float32)
    outputs[0, np.arange(frames), held] += rng.uniform(0.0, 6.0, frames).astype(np.float32)
    return outputs


@settings(deadline=None, max_examples=100)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 150),
    st.integers(1, 20),
    st.integers(1, 40),
    st.floats(0.2, 0.95),
    st.integers(1, 5),
)
def test_a_keyword_decoder_written_plainly_hears_the_same(
    seed: int, frames: int, smooth: int, refractory: int, threshold: float, chunk: int
) -> None:
    decoder = replace(KEYWORD, smooth_frames=smooth, refractory_frames=refractory, threshold=threshold)
    outputs = held_logits(seed, frames, len(LABELS))
    made = make_decoder(decoder)
    for start in range(0, frames, chunk):
        made.push(outputs[:, start : start + chunk])
    got, expected = made.finish(), plain_keyword(decoder, outputs[0].astype(float).tolist())
    heard = [(e["label"], e["frame"]) for e in got["events"]]
    assert heard == [(e["label"], e["frame"]) for e in expected["events"]]
    assert [e["score"] for e in got["events"]] == pytest.approx([e["score"] for e in expected["events"]], abs=1e-9)
    assert got["label"] == expected["label"]
    assert got["posteriors"] == pytest.approx(expected["posteriors"], abs=1e-9)


def test_the_plain_keyword_decoder_is_given_something_to_hear() -> None:
    heard = [plain_keyword(KEYWORD, held_logits(seed, 150, 4)[0].tolist()) for seed in range(50)]
    counts = [len(h["events"]) for h in heard]
    assert 0 < np.mean(counts) < 50
    assert len({h["label"] for h in heard}) > 1


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(1, 120), st.integers(1, 5))
def test_a_ctc_decoder_written_plainly_hears_the_same(seed: int, frames: int, chunk: int) -> None:
    outputs = held_logits(seed, frames, len(CTC.labels))
    made = make_decoder(CTC)
    for start in range(0, frames, chunk):
        made.push(outputs[:, start : start + chunk])
    expected = plain_ctc(CTC, outputs[0].tolist())
    got = made.finish()["events"]
    assert [(e["label"], e["frame"]) for e in got] == [(label, frame) for label, frame, _ in expected]
    assert [e["score"] for e in got] == pytest.approx([score for _, _, score in expected], abs=1e-9)
