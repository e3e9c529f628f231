"""Constructed decodings have the scores that they must have."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from agents import wire
from agents.contract import Decoder, Frontend, StatePair, StreamContract, TensorSpec
from agents.decode import Decoded, make_decoder
from orchestrator.domain.score import ItemScore, Score
from orchestrator.errors import BadAudio, SessionFailed
from orchestrator.make.quality.evaluation import EvaluationSet, Utterance
from orchestrator.make.quality.metrics import Spoken
from orchestrator.make.quality.scoring import NoMetric, score

RATE = 16000
KEYWORD = Decoder("keyword", labels=("go", "stop", "silence"), ignored=("silence",), threshold=0.3)
CTC = Decoder("ctc", labels=("<blank>", "one", "two"))


def contract(decoder: Decoder, frames: int = 2) -> StreamContract:
    classes = max(1, len(decoder.labels))
    return StreamContract(
        model="toy",
        sample_rate_hz=RATE,
        chunk_samples=320,
        allowed_chunk_samples=(320,),
        frontend=Frontend("log-mel"),
        input=TensorSpec("x", (1, 2, 40)),
        states=(StatePair("s_in", "s_out", (1, 4)),),
        outputs=(TensorSpec("y", (1, frames, classes)),),
        decoder=decoder,
    )


def evaluation(
    *texts: str | None, split: str = "test", events: Sequence[Spoken] = (), seconds: int = 1
) -> EvaluationSet:
    count = seconds * RATE
    utterances = tuple(
        Utterance(f"u{i}", split, wire.Span(i * count, count), text, events=tuple(events))
        for i, text in enumerate(texts)
    )
    return EvaluationSet(RATE, utterances, np.zeros(count * len(texts), dtype=np.int16), "e" * 64)


def heard(label: str | None = None, text: str | None = None, *events: tuple[str, int, float]) -> Decoded:
    listed = [{"label": name, "frame": frame, "score": value} for name, frame, value in events]
    return {"kind": "x", "events": listed, "label": label, "text": text, "posteriors": None}  # type: ignore[typeddict-item]


def scored(decoder: Decoder, found: EvaluationSet, split: str, decoded: Sequence[Decoded], **more: float) -> Score:
    result = score("s", "key", contract(decoder), found, split, decoded, **more)
    assert isinstance(result, Score)
    assert (result.session_id, result.candidate_key, result.evaluation_sha256) == ("s", "key", "e" * 64)
    return result


def test_clips_are_scored_by_their_label() -> None:
    decoded = [heard("go"), heard("stop"), heard("silence"), heard("go")]
    result = scored(KEYWORD, evaluation("go", "go", "silence", "stop"), "test", decoded)
    assert (result.metric, result.value) == ("accuracy", 0.5)
    assert result.items == tuple(ItemScore(f"u{i}", errors, 1.0) for i, errors in enumerate((0.0, 1.0, 0.0, 1.0)))
    assert result.details == {"clips": 4.0, "wrong": 2.0}
    assert result.error_rate == 0.5


def test_what_the_agents_decoder_says_is_what_is_scored() -> None:
    decoded = []
    for best in (0, 1, 2):
        decoder = make_decoder(KEYWORD)
        decoder.push(np.eye(3, dtype=np.float32)[[[best] * 4]] * 9)
        decoded.append(decoder.finish())
    assert scored(KEYWORD, evaluation("go", "stop", "silence"), "test", decoded).value == 1.0


def test_sentences_are_scored_by_their_words() -> None:
    decoded = [heard(None, "one two"), heard(None, "one one two two"), heard(None, "")]
    result = scored(CTC, evaluation("one two", "one two", "one two two"), "test", decoded)
    assert (result.metric, result.value) == ("wer", 5 / 7)
    assert result.items == (ItemScore("u0", 0.0, 2.0), ItemScore("u1", 2.0, 2.0), ItemScore("u2", 3.0, 3.0))
    assert result.details == {"sentences": 3.0, "words": 7.0, "errors": 5.0}


EVENTS = (Spoken("go", 10.0, 10.5), Spoken("stop", 20.0, 20.5), Spoken("go", 30.0, 30.5))
# Frames are 10 ms. "go" and "stop" are heard, the last "go" is not; two false accepts, one of them strong.
TRACK = heard(
    None, None, ("go", 1030, 0.9), ("stop", 2050, 0.5), ("stop", 100, 0.6), ("go", 2040, 0.4), ("stop", 3010, 0.35)
)


@pytest.mark.parametrize(
    ("allowed_per_hour", "rejected", "false_accepts", "threshold"),
    [(0.0, [0, 1, 1], 0, 0.6), (60.0, [0, 0, 1], 1, 0.4), (180.0, [0, 0, 1], 3, 0.3)],
)
def test_track_is_scored_at_its_budget_of_false_accepts(
    allowed_per_hour: float, rejected: list[int], false_accepts: int, threshold: float
) -> None:
    found = evaluation(None, split="track", events=EVENTS, seconds=60)
    result = scored(KEYWORD, found, "track", [TRACK], false_accepts_per_hour=allowed_per_hour)
    assert result.metric == "frr"
    assert [i.errors for i in result.items] == rejected
    assert [i.item for i in result.items] == ["u0:go@10", "u0:stop@20", "u0:go@30"]
    assert result.value == pytest.approx(sum(rejected) / 3)
    assert result.details["false_accepts_per_hour"] == pytest.approx(60.0 * false_accepts)
    assert result.details["threshold"] == pytest.approx(threshold)
    assert result.details["duration_s"] == 60.0


def test_frames_of_the_output_set_the_clock_of_events() -> None:
    found = evaluation(None, split="track", events=EVENTS[:1], seconds=60)
    # One frame per chunk of 20 ms: frame 510 is at 10.22 s. With two frames per chunk it would be at 5.11 s.
    for frames, errors in ((1, 0.0), (2, 1.0)):
        result = score("s", "key", contract(KEYWORD, frames), found, "track", [heard(None, None, ("go", 510, 0.9))])
        assert isinstance(result, Score)
        assert result.value == errors


def test_model_without_a_decoder_has_no_metric_and_says_why() -> None:
    result = score("s", "key", contract(Decoder()), evaluation("go"), "test", [heard()])
    assert isinstance(result, NoMetric)
    assert "model toy has no decoder" in result.reason


def test_split_that_is_empty_has_no_metric() -> None:
    assert score("s", "key", contract(KEYWORD), evaluation("go"), "track", []) == NoMetric(
        "the evaluation set has no utterance of split track"
    )


def test_missing_results_are_no_score() -> None:
    with pytest.raises(SessionFailed, match="decoded 1 of 2 utterances"):
        score("s", "key", contract(KEYWORD), evaluation("go", "stop"), "test", [heard("go")])


@pytest.mark.parametrize(("text", "told"), [("Stop", r"texts \['Stop'\] .* are no labels"), (None, "are no labels")])
def test_reference_that_is_no_label_is_refused(text: str | None, told: str) -> None:
    with pytest.raises(BadAudio, match=told) as caught:
        score("s", "key", contract(KEYWORD), evaluation("go", text), "test", [heard("go")] * 2)
    assert "go, stop, silence" in str(caught.value.hint)


@pytest.mark.parametrize("text", ["  ", None])
def test_sentence_without_words_is_refused(text: str | None) -> None:
    with pytest.raises(BadAudio, match=r"utterances \['u1'\] .* have no words"):
        score("s", "key", contract(CTC), evaluation("one", text), "test", [heard(None, "one")] * 2)


def test_track_without_events_is_refused() -> None:
    with pytest.raises(BadAudio, match="has no events"):
        score("s", "key", contract(KEYWORD), evaluation(None, split="track"), "track", [TRACK])


def test_scores_of_two_candidates_pair_by_item() -> None:
    found = evaluation("go", "stop")
    first = scored(KEYWORD, found, "test", [heard("go"), heard("go")])
    second = scored(KEYWORD, found, "test", [heard("stop"), heard("stop")])
    assert [i.item for i in first.items] == [i.item for i in second.items]
    assert dataclasses.replace(first, items=(), value=0) == dataclasses.replace(second, items=(), value=0)
