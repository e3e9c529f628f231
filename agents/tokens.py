"""A stream of tokens as a stream of samples, so that a language model is fed, paced and measured as audio is.

A token is two int16 samples, its low 15 bits and its high 15 bits: at 20 samples a second, 10 tokens a second pass.
"""

from typing import Any, Sequence

import numpy as np
from numpy.typing import NDArray

from agents.contract import Frontend

SAMPLES_PER_TOKEN = 2
_BITS = 15
_MASK = (1 << _BITS) - 1
# What float32, in which front ends write, holds exactly.
LARGEST_ID = (1 << 24) - 1


def encode(ids: Sequence[int]) -> NDArray[np.int16]:
    """Ids of tokens, n of them, as 2n samples. Raises ValueError for one that does not fit."""
    tokens = np.asarray(ids, dtype=np.int64)
    if tokens.size and not (tokens.min() >= 0 and tokens.max() <= LARGEST_ID):
        raise ValueError(f"ids must be in 0..{LARGEST_ID}, got {tokens.min()}..{tokens.max()}")
    return np.stack([tokens & _MASK, tokens >> _BITS], axis=1).astype(np.int16).reshape(-1)


class Tokens:
    """The ids of a chunk, shape (1, tokens). Silence is token 0."""

    def __init__(self, frontend: Frontend) -> None:
        if frontend.kind != "tokens":
            raise ValueError(f"Tokens needs a tokens frontend, got {frontend.kind!r}")
        if frontend.hop_samples != SAMPLES_PER_TOKEN:
            raise ValueError(f"a token is {SAMPLES_PER_TOKEN} samples, got hop_samples {frontend.hop_samples}")

    def reset(self) -> None:
        pass

    def push_into(self, samples: NDArray[Any], out: NDArray[np.float32]) -> int:
        if samples.dtype != np.int16 or samples.ndim != 1 or len(samples) % SAMPLES_PER_TOKEN:
            raise ValueError(f"samples must be pairs of int16, got {samples.dtype} of shape {samples.shape}")
        ids = out.reshape(-1)
        if len(ids) != len(samples) // SAMPLES_PER_TOKEN:
            raise ValueError(f"{len(samples)} samples are {len(samples) // 2} tokens, out holds {len(ids)}")
        np.multiply(samples[1::2], np.float32(_MASK + 1), out=ids)
        ids += samples[0::2]
        return len(ids)
