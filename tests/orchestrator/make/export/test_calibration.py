import itertools

import numpy as np
import pytest

from orchestrator.errors import BadAudio, ExportFailed
from orchestrator.make.export.calibration import CalibrationStream, FeedReader
from orchestrator.make.models.source import ModelSource
from orchestrator.make.models.stepping import open_session
from tests import graphs


def test_states_are_those_of_the_stream(conv: ModelSource) -> None:
    """Each feed's state is what the graph itself returned for the chunk before, or fresh."""
    stream = CalibrationStream((graphs.babble(0.5),), max_feeds=10_000)
    feeds = stream.feeds(conv)
    assert len(feeds) == 8000 // 320
    session = open_session(conv.onnx_path)
    names = [s.output for s in conv.contract.states]
    assert not feeds[0]["cache_0"].any()
    for earlier, later in itertools.pairwise(feeds):
        for name, value in zip(conv.contract.states, session.run(names, earlier), strict=True):
            np.testing.assert_array_equal(later[name.input], value)


def test_drawn_feeds_are_a_subset_with_some_fresh_states(conv: ModelSource) -> None:
    utterances = tuple(graphs.babble(0.5, seed) for seed in range(8))
    everything = CalibrationStream(utterances, max_feeds=10_000).feeds(conv)
    drawn = CalibrationStream(utterances, max_feeds=20).feeds(conv)
    assert len(drawn) == 20
    known = {f["frames"].tobytes() + f["cache_1"].tobytes() for f in everything}
    assert all(f["frames"].tobytes() + f["cache_1"].tobytes() in known for f in drawn)
    assert sum(not f["cache_0"].any() for f in drawn) >= 5, "at least a quarter are starts of streams"
    again = CalibrationStream(utterances, max_feeds=20).feeds(conv)
    assert [f["frames"].tobytes() for f in again] == [f["frames"].tobytes() for f in drawn]
    other = CalibrationStream(utterances, max_feeds=20, seed=1).feeds(conv)
    assert [f["frames"].tobytes() for f in other] != [f["frames"].tobytes() for f in drawn]


def test_hash_covers_audio_borders_and_sampling() -> None:
    audio = graphs.babble(0.2)
    base = CalibrationStream((audio,))
    assert base.sha256 == CalibrationStream((audio.copy(),)).sha256
    others = [
        CalibrationStream((audio[:100], audio[100:])),
        CalibrationStream((audio,), max_feeds=7),
        CalibrationStream((audio,), seed=7),
        CalibrationStream((audio + np.int16(1),)),
    ]
    assert len({base.sha256, *(o.sha256 for o in others)}) == 5


@pytest.mark.parametrize(
    "utterances",
    [(), (np.zeros(10, np.float32),), (np.zeros((10, 2), np.int16),), (np.zeros(0, np.int16),)],
)
def test_what_is_no_audio(utterances: tuple[np.ndarray, ...]) -> None:
    with pytest.raises(BadAudio):
        CalibrationStream(utterances)


def test_too_short_for_a_chunk(conv: ModelSource) -> None:
    with pytest.raises(ExportFailed, match="holds a chunk of 320 samples"):
        CalibrationStream((np.zeros(319, np.int16),)).feeds(conv)


def test_reader_ends_with_none() -> None:
    reader = FeedReader([{"x": np.zeros(1)}, {"x": np.ones(1)}])
    assert [reader.get_next() is None for _ in range(4)] == [False, False, True, True]
