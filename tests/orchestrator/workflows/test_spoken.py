"""Words of an evaluation set in the streams that are made of it."""

import numpy as np

from agents import wire
from orchestrator.make.quality.evaluation import EvaluationSet, Utterance
from orchestrator.make.quality.metrics import Spoken
from orchestrator.workflows.spoken import spoken_words

RATE = 1000
MS = 1_000_000
SET = EvaluationSet(
    RATE,
    (
        Utterance("a", "test", wire.Span(0, 400), "go", events=(Spoken("go", 0.1, 0.3),)),
        Utterance("b", "calibration", wire.Span(400, 300), "go", events=(Spoken("go", 0.0, 0.2),)),
        Utterance(
            "c", "test", wire.Span(700, 600), "stop", events=(Spoken("stop", 0.2, 0.5), Spoken("what", 0.5, 0.6))
        ),
    ),
    np.zeros(1300, dtype=np.int16),
    "0" * 64,
)


def test_each_word_lies_in_its_utterance_and_knows_its_label() -> None:
    words = spoken_words(SET, "test", ("stop", "go"))
    assert words is not None
    assert words.of_spans.tolist() == [
        [0, 1, 100 * MS, 300 * MS],
        [1, 0, 200 * MS, 500 * MS],
        [1, -1, 500 * MS, 600 * MS],
    ]


def test_in_a_stream_the_utterances_follow_each_other_again_and_again() -> None:
    words = spoken_words(SET, "test", ("stop", "go"))
    assert words is not None
    # A loop is the 1,000 samples of both; the stream ends before the second "stop" does.
    assert words.of_stream(1800).tolist() == [
        [0, 1, 100 * MS, 300 * MS],
        [0, 0, 600 * MS, 900 * MS],
        [0, -1, 900 * MS, 1000 * MS],
        [0, 1, 1100 * MS, 1300 * MS],
    ]
    assert len(words.of_stream(200)) == 0


def test_a_set_that_does_not_say_when_its_words_end_has_none() -> None:
    assert spoken_words(SET, "track", ("go",)) is None
