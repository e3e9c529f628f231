"""Our front end gives what transformers' feature extractor gives."""

import numpy as np
import pytest

from agents.contract import Frontend
from agents.whisper_mel import WhisperMel, slaney_filters
from orchestrator.make.models.whisper.source import frontend
from tests import graphs


@pytest.mark.filterwarnings("ignore")  # Of its own imports.
@pytest.mark.parametrize("mels", [80, 128])
def test_equals_transformers(mels: int) -> None:
    from transformers import WhisperFeatureExtractor

    theirs = WhisperFeatureExtractor(feature_size=mels)
    ours: Frontend = frontend(mels, context_samples=0)
    assert np.abs(slaney_filters(ours, 16_000) - theirs.mel_filters).max() < 1e-9
    audio = np.concatenate([graphs.babble(10.0), np.zeros(16_000, np.int16), graphs.babble(19.0)])
    wanted = theirs(audio / 32768.0, sampling_rate=16_000, return_tensors="np").input_features
    out = np.empty((1, mels, 3000), np.float32)
    assert WhisperMel(ours, 16_000).push_into(audio, out) == 3000
    assert np.abs(out - wanted).max() < 1e-4
