"""What ``earshot drift`` streams."""

from pathlib import Path

import numpy as np
import pytest

from agents import wire
from orchestrator.errors import BadAudio, BadInput
from orchestrator.make.models.source import ModelSource
from orchestrator.make.quality.audio import write_wav
from orchestrator.make.quality.evaluation import EvaluationSet, Utterance
from orchestrator.workflows.drift_audio import looped_audio
from orchestrator.workflows.prepare import Prepared
from tests.promises.drifting import CHUNK, CONTRACT, RATE_HZ

SOURCE = ModelSource("drifting", CONTRACT, Path("model.onnx"), "0", None)


def prepared(count: int) -> Prepared:
    """Utterances of a second each, the n-th at level n."""
    spans = [wire.Span(i * RATE_HZ, RATE_HZ) for i in range(count)]
    utterances = tuple(Utterance(f"u{i}", "test", span) for i, span in enumerate(spans))
    return Prepared(
        SOURCE, EvaluationSet(RATE_HZ, utterances, np.repeat(np.arange(count, dtype=np.int16), RATE_HZ), "0")
    )


def test_a_twelfth_of_the_time_from_all_over_the_set() -> None:
    audio = looped_audio(prepared(100), None, 1.0)
    assert (audio.loops, audio.per_loop) == (12, 50)
    assert np.unique(audio.loop).tolist() == [0, 20, 40, 60, 80]
    assert len(audio.samples()) == audio.chunks * CHUNK == 60 * RATE_HZ
    assert (audio.samples()[: len(audio.loop)] == audio.samples()[-len(audio.loop) :]).all()


def test_a_short_set_is_heard_more_often() -> None:
    audio = looped_audio(prepared(2), None, 1.0)
    assert (audio.loops, audio.per_loop) == (30, 20)


def test_own_audio_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_wav(path, np.arange(20_000, dtype=np.int16), RATE_HZ)
    audio = looped_audio(Prepared(SOURCE, None), path, 0.2)
    assert audio.loop.tolist() == list(range(10 * CHUNK))
    write_wav(path, np.zeros(CHUNK - 1, dtype=np.int16), RATE_HZ)
    with pytest.raises(BadAudio, match="are less than a chunk of 1600"):
        looped_audio(Prepared(SOURCE, None), path, 0.2)


def test_no_audio_and_no_time() -> None:
    with pytest.raises(BadInput, match="has no evaluation set to stream"):
        looped_audio(Prepared(SOURCE, None), None, 1.0)
    with pytest.raises(BadInput, match=r"0\.01 minutes are 6 chunks"):
        looped_audio(prepared(2), None, 0.01)
