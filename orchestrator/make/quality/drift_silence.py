"""Where a client may set the state anew without cutting into speech: after so much silence."""

import numpy as np
from numpy.typing import NDArray

# Below the loud parts by so much is silence. Of the 20 ms chunks of the reference evaluation sets, which many people
# recorded on their own microphones, 25 % (kws) and 16 % (digits) are.
SILENCE_DB = -30.0
_LOUD_PERCENTILE = 95.0


def chunk_levels(samples: NDArray[np.int16], chunk_samples: int) -> NDArray[np.float64]:
    """RMS of each whole chunk, shape (n,), in units of the samples."""
    count = len(samples) // chunk_samples
    chunks = samples[: count * chunk_samples].reshape(count, chunk_samples).astype(np.float64)
    return np.asarray(np.sqrt(np.mean(np.square(chunks), axis=1)), dtype=np.float64)


def silence_level(samples: NDArray[np.int16], chunk_samples: int) -> float:
    """The level that chunks of silence stay below or at: 30 dB under the 95th percentile of all of this audio."""
    levels = chunk_levels(samples, chunk_samples)
    return float(np.percentile(levels, _LOUD_PERCENTILE) * 10 ** (SILENCE_DB / 20)) if len(levels) else 0.0


def resets_in_silence(
    samples: NDArray[np.int16], chunk_samples: int, level: float, least_chunks: int
) -> NDArray[np.bool_]:
    """True for each chunk before which the state is set anew, shape (chunks,): once in each silence, when
    ``least_chunks`` chunks of it have been heard. Of what is to come it knows nothing, as a client does."""
    if least_chunks < 1:
        raise ValueError(f"least_chunks must be > 0, got {least_chunks}")
    silent = chunk_levels(samples, chunk_samples) <= level
    reset, heard = np.zeros(len(silent), dtype=np.bool_), 0
    for k, is_silent in enumerate(silent.tolist()):
        reset[k] = heard == least_chunks
        heard = heard + 1 if is_silent else 0
    return reset
