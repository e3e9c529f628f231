"""F1 of speech, on constructed streams whose figure is worked out by hand."""

import dataclasses

import numpy as np
import pytest

from agents import wire
from agents.contract import Decoder, Frontend, StatePair, StreamContract, TensorSpec
from agents.decode import Decoded, make_decoder
from orchestrator.domain.score import Score
from orchestrator.errors import BadAudio
from orchestrator.make.quality.evaluation import EvaluationSet, Utterance
from orchestrator.make.quality.metrics import Spoken
from orchestrator.make.quality.scoring import score
from orchestrator.make.quality.voice_activity import heard_frames, spoken_frames

CHUNK, RATE = 512, 16000
FRAME_S = CHUNK / RATE
CONTRACT = StreamContract(
    model="toy-vad",
    sample_rate_hz=RATE,
    chunk_samples=CHUNK,
    allowed_chunk_samples=(CHUNK,),
    frontend=Frontend("pcm", context_samples=64),
    input=TensorSpec("input", (1, 576)),
    states=(StatePair("state", "stateN", (2, 1, 128)),),
    outputs=(TensorSpec("output", (1, 1)),),
    decoder=Decoder("vad", labels=("speech", "silence"), refractory_frames=1),
)


def evaluation(*spoken: list[tuple[int, int]], frames: int = 10) -> EvaluationSet:
    """Utterances of ``frames`` frames each, with speech in the frames [a, b) that are told."""
    utterances = tuple(
        Utterance(
            f"u{i}",
            "test",
            wire.Span(i * frames * CHUNK, frames * CHUNK),
            events=tuple(Spoken("speech", a * FRAME_S, b * FRAME_S) for a, b in ranges),
        )
        for i, ranges in enumerate(spoken)
    )
    return EvaluationSet(RATE, utterances, np.zeros(frames * CHUNK * len(spoken), np.int16), "e" * 64)


def heard(*speech: int, frames: int = 10) -> Decoded:
    decoder = make_decoder(CONTRACT.decoder)
    decoder.push(np.isin(np.arange(frames), speech).astype(np.float32) * 0.98 + 0.01)
    return decoder.finish()


def scored(found: EvaluationSet, *decoded: Decoded) -> Score:
    result = score("s", "key", CONTRACT, found, "test", decoded)
    assert isinstance(result, Score)
    return result


def test_f1_of_hits_false_alarms_and_misses() -> None:
    # First: 3 hits, 1 false, 1 missed. Second: 2 hits, 2 false.
    result = scored(evaluation([(2, 6)], [(0, 1), (8, 9)]), heard(3, 4, 5, 6), heard(0, 1, 7, 8))
    assert result.metric == "f1"
    assert result.value == pytest.approx(2 * 5 / (2 * 5 + 3 + 1))
    assert [(i.errors, i.count) for i in result.items] == [(2.0, 8.0), (2.0, 6.0)]
    assert result.error_rate == pytest.approx(1 - result.value)
    assert result.details == {"frames": 20.0, "precision": 5 / 8, "recall": 5 / 6}


def test_perfect_and_deaf() -> None:
    found = evaluation([(2, 6)])
    assert scored(found, heard(2, 3, 4, 5)).value == 1.0
    assert scored(found, heard()).value == 0.0


def test_speech_that_goes_on_to_the_end_counts_to_the_end() -> None:
    assert scored(evaluation([(7, 10)]), heard(7, 8, 9)).value == 1.0


def test_a_frame_is_speech_by_its_middle() -> None:
    events = [Spoken("a", 0.4 * FRAME_S, 1.6 * FRAME_S), Spoken("b", 3.6 * FRAME_S, 3.9 * FRAME_S)]
    assert spoken_frames(events, 5, FRAME_S).tolist() == [True, True, False, False, False]


def test_the_wait_for_the_end_is_no_speech() -> None:
    patient = make_decoder(dataclasses.replace(CONTRACT.decoder, refractory_frames=3))
    patient.push(np.array([0.9, 0.9, 0.1, 0.1, 0.1, 0.1]))
    assert heard_frames(patient.finish()["events"], 6).tolist() == [True, True, False, False, False, False]


def test_an_utterance_without_speech_is_refused() -> None:
    with pytest.raises(BadAudio, match=r"\['u1'\] of the evaluation set have no events"):
        scored(evaluation([(1, 3)], []), heard(1, 2), heard())
