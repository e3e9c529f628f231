"""Whisper's front end against values of another implementation, and as a stream of windows.

The expected values are those of transformers 5.23.0 (WhisperFeatureExtractor(chunk_length=1)) for the signal below;
tests/export/test_whisper_mel.py compares all of them.
"""

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.contract import Frontend
from agents.whisper_mel import WhisperMel, slaney_hz, slaney_mel

FRAMES = (0, 1, 50, 74, 75, 99)
EXPECTED = {
    0: (0.94834, 0.36019, -0.77118, -0.42363, 0.06322, -0.77118),
    10: (0.68813, 0.09764, -0.77118, -0.4062, 0.07992, -0.77118),
    40: (-0.06628, -0.57564, 1.17079, -0.16436, 0.33624, -0.77118),
    79: (-0.33785, -0.77118, -0.77118, -0.41592, 0.08777, -0.77118),
}


def frontend(context_samples: int = 0, **more: int) -> Frontend:
    sizes = {"window_samples": 400, "fft_size": 400, "mel_count": 80, **more}
    return Frontend("whisper-mel", context_samples, low_hz=0.0, high_hz=8000.0, log_floor=1e-10, **sizes)  # type: ignore[arg-type]


def chirp() -> NDArray[np.int16]:
    """A rising tone beside a steady one, three quarters of a second; then silence."""
    t = np.arange(16_000) / 16_000
    tone = 6000 * np.sin(2 * np.pi * (200 + 1500 * t) * t) + 300 * np.sin(2 * np.pi * 3000 * t)
    samples = np.round(tone).astype(np.int16)
    samples[12_000:] = 0
    return samples


def windows(context_samples: int, audio: NDArray[np.int16], chunk: int) -> list[NDArray[np.float32]]:
    mel = WhisperMel(frontend(context_samples), 16_000)
    found = []
    for start in range(0, len(audio), chunk):
        out = np.empty((1, 80, (context_samples + chunk) // 160), np.float32)
        assert mel.push_into(audio[start : start + chunk], out) == out.shape[2]
        found.append(out)
    return found


def test_values_of_another_implementation() -> None:
    (out,) = windows(0, chirp(), 16_000)
    for band, wanted in EXPECTED.items():
        assert out[0, band, list(FRAMES)] == pytest.approx(wanted, abs=2e-5)


def test_a_window_is_what_was_heard_last() -> None:
    audio = np.concatenate([chirp(), chirp()[::-1], chirp()])
    streamed = windows(32_000, audio, 16_000)
    assert np.array_equal(streamed[2], windows(0, audio, 48_000)[0])
    before = np.concatenate([np.zeros(32_000, np.int16), chirp()])
    assert np.array_equal(streamed[0], windows(0, before, 48_000)[0])


def test_floats_are_the_same_audio() -> None:
    mel = WhisperMel(frontend(), 16_000)
    one, two = np.empty((1, 80, 100), np.float32), np.empty((1, 80, 100), np.float32)
    mel.push_into(chirp(), one)
    mel.push_into((chirp() / np.float32(32768)).astype(np.float32), two)
    assert np.array_equal(one, two)


def test_reset_forgets_the_context() -> None:
    mel = WhisperMel(frontend(16_000), 16_000)
    out, fresh = (np.empty((1, 80, 200), np.float32) for _ in range(2))
    mel.push_into(chirp(), out)
    mel.push_into(chirp(), fresh)
    assert not np.array_equal(out, fresh)
    mel.reset()
    mel.push_into(chirp(), fresh)
    assert np.array_equal(out, fresh)


def test_slaneys_scale_is_linear_then_logarithmic() -> None:
    assert slaney_mel([0.0, 200.0, 1000.0, 6400.0]) == pytest.approx([0.0, 3.0, 15.0, 42.0])
    hz = np.linspace(0.0, 8000.0, 33)
    assert slaney_hz(slaney_mel(hz)) == pytest.approx(hz)


def test_what_does_not_fit_is_refused() -> None:
    mel = WhisperMel(frontend(), 16_000)
    with pytest.raises(ValueError, match="mono int16 or float32"):
        mel.push_into(np.zeros(160), np.empty((1, 80, 1), np.float32))
    with pytest.raises(ValueError, match=r"out must be \(1, 80, 100\)"):
        mel.push_into(chirp(), np.empty((1, 80, 99), np.float32))
    with pytest.raises(ValueError, match="windows of fft_size"):
        WhisperMel(frontend(fft_size=512), 16_000)
