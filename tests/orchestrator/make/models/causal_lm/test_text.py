"""The committed stream of tokens is what its script writes."""

from pathlib import Path

import numpy as np

from orchestrator.make.models.causal_lm import source, text
from orchestrator.make.models.causal_lm.sizes import SIZES

COMMITTED = Path(source.__file__).parent / "tokens.wav"


def test_the_committed_stream_is_what_the_script_writes(tmp_path: Path) -> None:
    text.write_tokens(tmp_path / "tokens.wav", text.tokens(600))
    assert (tmp_path / "tokens.wav").read_bytes() == COMMITTED.read_bytes()


def test_every_model_knows_the_tokens() -> None:
    ids = text.tokens(5000)
    assert ids.min() >= 0
    assert ids.max() < min(size.vocabulary for size in SIZES.values())
    counts = np.sort(np.bincount(ids))[::-1]
    assert counts[0] > 5 * counts[20] > 0, "some words are frequent"
