"""The swipe-typing model on torch: its quality, and that its stream is its whole."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from agents.strict_json import to_json
from agents.touch import Touch
from orchestrator.make.models.reference.gesture_rnnt.contract import PATH, contract
from orchestrator.make.models.reference.gesture_rnnt.corpus import LEXICON, features_of, in_chunks
from orchestrator.make.models.reference.gesture_rnnt.layout import FRONTEND
from orchestrator.make.models.reference.gesture_rnnt.model import SwipeTransducer, load
from orchestrator.make.models.reference.gesture_rnnt.score import Typist, committed
from orchestrator.make.models.reference.gesture_rnnt.traces import draw_user, swipe
from orchestrator.make.quality.ranked_words import ranks


@pytest.fixture(scope="module")
def model() -> SwipeTransducer:
    return load()


def test_the_committed_contract_is_that_of_the_module() -> None:
    assert json.loads(PATH.read_text()) == json.loads(json.dumps(to_json(contract())))


def test_words_that_never_trained_are_among_the_first_three(model: SwipeTransducer) -> None:
    typist = Typist(model, contract().decoder)
    places = [ranks(word, typist.decode(samples))[0] for word, samples in committed("test")[:100]]
    assert sum(place is not None and place <= 3 for place in places) >= 90


def test_chunks_of_every_size_give_what_the_whole_trace_gives(model: SwipeTransducer) -> None:
    word, samples = committed("test")[0]
    features = torch.from_numpy(features_of(Touch(FRONTEND), samples))[None]
    with torch.no_grad():
        whole = model.encoder(features, *model.encoder.fresh_state())[0]
        for chunk in contract().allowed_chunk_samples:
            states, frames = model.encoder.fresh_state(), []
            for part in features.split(chunk // 2, dim=1):
                encoded, *states = model.encoder(part, *states)
                frames.append(encoded)
            assert torch.allclose(torch.cat(frames, dim=1), whole, atol=1e-4)
    typist = Typist(model, contract().decoder)
    told = [typist.decode(samples, size)["events"][0]["words"][0] for size in contract().allowed_chunk_samples]
    assert {ranked["word"] for ranked in told} == {word}


def test_a_user_s_word_is_typed_once_it_is_in_their_list(model: SwipeTransducer, tmp_path: Path) -> None:
    name = "zuzanek"
    assert f"\n{name}," not in LEXICON.read_text()
    own = tmp_path / "own.csv"
    own.write_text(f"word,count\n{name},3\n")
    with_own, without = Typist(model, contract().decoder, user_words=own), Typist(model, contract().decoder)
    rng = np.random.default_rng(11)
    swipes = [in_chunks(swipe(name, draw_user(rng), rng), 0) for _ in range(10)]
    assert {ranks(name, without.decode(samples))[0] for samples in swipes} == {None}
    places = [ranks(name, with_own.decode(samples))[0] for samples in swipes]
    assert sum(place is not None and place <= 3 for place in places) >= 8
