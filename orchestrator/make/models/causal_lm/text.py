"""Streams of tokens to feed language models with, in place of a text: which tokens they are changes no time.

python -m orchestrator.make.models.causal_lm.text 300 tokens.wav
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agents.tokens import SAMPLES_PER_TOKEN, encode
from orchestrator.make.models.causal_lm.source import TOKENS_PER_S
from orchestrator.make.quality.audio import write_wav

# Words of a text come about as often as 1 / rank.
_VOCABULARY = 4096


def tokens(count: int, vocabulary: int = _VOCABULARY, seed: int = 0) -> NDArray[np.int64]:
    """Ids in 0..vocabulary - 1 with Zipf's frequencies, the frequent ones at random places of the vocabulary."""
    rng = np.random.default_rng(seed)
    shares = 1.0 / np.arange(1, vocabulary + 1)
    return np.asarray(rng.permutation(vocabulary)[rng.choice(vocabulary, count, p=shares / shares.sum())])


def write_tokens(path: Path, ids: NDArray[np.int64]) -> None:
    """A WAV of ``ids`` at ``TOKENS_PER_S``, as a manifest names it."""
    write_wav(path, encode(ids.tolist()), TOKENS_PER_S * SAMPLES_PER_TOKEN)


if __name__ == "__main__":
    write_tokens(Path(sys.argv[2]), tokens(int(sys.argv[1])))
