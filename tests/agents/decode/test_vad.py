"""Voice activity: two thresholds and patience, on sequences whose speech is known."""

import dataclasses

import numpy as np
import pytest

from agents.contract import Decoder
from agents.decode import make_decoder

VAD = Decoder("vad", labels=("speech", "silence"), threshold=0.5, release=0.3, refractory_frames=3)


def told(probabilities: list[float], decoder: Decoder = VAD, chunk: int = 1) -> list[tuple[str, int, int]]:
    stream = make_decoder(decoder)
    for start in range(0, len(probabilities), chunk):
        stream.push(np.array([probabilities[start : start + chunk]], dtype=np.float32))
    return [(e["label"], e["frame"], e["heard_frame"]) for e in stream.finish()["events"]]


def test_speech_begins_at_the_threshold_and_ends_after_patience() -> None:
    heard = told([0.1, 0.5, 0.9, 0.2, 0.2, 0.2, 0.1])
    assert heard == [("speech", 1, 1), ("silence", 5, 3)]


def test_between_the_thresholds_nothing_changes() -> None:
    assert told([0.49, 0.4, 0.49]) == []
    assert told([0.6, 0.4, 0.4, 0.4, 0.4, 0.31]) == [("speech", 0, 0)]


def test_a_short_gap_does_not_end_speech() -> None:
    heard = told([0.9, 0.1, 0.1, 0.3, 0.1, 0.1, 0.9, 0.1, 0.1, 0.1])
    assert heard == [("speech", 0, 0), ("silence", 9, 7)]


@pytest.mark.parametrize("chunk", [2, 3, 5, 160])
def test_chunking_changes_nothing(chunk: int) -> None:
    probabilities = (np.random.default_rng(3).random(160) ** 2).tolist()
    assert told(probabilities, chunk=chunk) == told(probabilities)
    assert len(told(probabilities)) > 4


def test_without_patience_one_frame_ends_it() -> None:
    eager = dataclasses.replace(VAD, refractory_frames=1)
    assert told([0.9, 0.1, 0.9], eager) == [("speech", 0, 0), ("silence", 1, 1), ("speech", 2, 2)]


def test_scores_are_the_probability_of_what_is_told() -> None:
    stream = make_decoder(VAD)
    stream.push(np.array([0.75, 0.25, 0.125, 0.125]))
    assert [e["score"] for e in stream.finish()["events"]] == [0.75, 0.75]


def test_reset_forgets() -> None:
    stream = make_decoder(VAD)
    stream.push(np.array([0.9, 0.1, 0.1]))
    stream.reset()
    stream.push(np.array([0.1, 0.9]))
    assert [(e["label"], e["frame"]) for e in stream.finish()["events"]] == [("speech", 1)]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"labels": ("speech",)}, "needs labels"),
        ({"labels": ("a", "b", "c")}, "two labels"),
        ({"release": 0.6}, "release <= threshold"),
        ({"release": 0.0}, "release <= threshold"),
    ],
)
def test_a_contract_that_cannot_be_is_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(VAD, **wrong)  # type: ignore[arg-type]
