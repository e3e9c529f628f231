"""Silence, heard as a client hears it."""

import numpy as np
import pytest

from orchestrator.make.quality.drift_silence import chunk_levels, resets_in_silence, silence_level


def sound(*loud: int) -> np.ndarray:
    """Ten samples a chunk."""
    return np.repeat(np.array(loud, dtype=np.int16), 10)


def test_one_reset_in_each_silence_after_enough_of_it() -> None:
    heard = sound(900, 0, 0, 900, 0, 0, 0, 0, 0, 900)
    resets = resets_in_silence(heard, 10, 5.0, 3)
    assert np.flatnonzero(resets).tolist() == [7]
    assert np.flatnonzero(resets_in_silence(heard, 10, 5.0, 2)).tolist() == [3, 6]


def test_it_knows_nothing_of_what_comes() -> None:
    heard = sound(900, 0, 0, 0, 0, 900, 0, 0, 900)
    whole = resets_in_silence(heard, 10, 5.0, 2)
    for end in range(1, 9):
        assert resets_in_silence(heard[: end * 10], 10, 5.0, 2).tolist() == whole[:end].tolist()


def test_silence_is_below_the_loud_parts() -> None:
    assert silence_level(sound(*[1000] * 10, 1, 1), 10) == pytest.approx(1000 * 10**-1.5)
    assert chunk_levels(np.array([3, -3, 3, -3, 7], dtype=np.int16), 2).tolist() == [3.0, 3.0]


def test_no_wait_is_no_silence() -> None:
    with pytest.raises(ValueError, match="least_chunks must be > 0, got 0"):
        resets_in_silence(sound(0), 10, 5.0, 0)
