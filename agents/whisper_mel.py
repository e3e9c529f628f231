"""Whisper's front end: log-mel frames of a window of audio, computed anew with each chunk.

Parameters after Radford et al. (arXiv:2212.04356, section 2.2) and the configuration that its checkpoints come with:
windows of 25 ms every 10 ms, centred, the signal mirrored at both ends, triangles on Slaney's mel scale with equal
area, log10, at most 8 below the greatest value, then (x + 4) / 4.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.contract import Frontend

_INT16_SCALE = 1.0 / 32768.0
# Slaney's scale (Auditory Toolbox): linear, 3 mel for 200 Hz, up to 1 kHz; above it 27 mel for each factor of 6.4.
_MEL_PER_HZ, _KNEE_HZ, _KNEE_MEL, _MEL_PER_LOG = 3.0 / 200.0, 1000.0, 15.0, 27.0 / math.log(6.4)
_RANGE = 8.0


def slaney_mel(hz: Any) -> Any:
    hz = np.asarray(hz, dtype=np.float64)
    above = _KNEE_MEL + _MEL_PER_LOG * np.log(np.maximum(hz, _KNEE_HZ) / _KNEE_HZ)
    return np.where(hz < _KNEE_HZ, hz * _MEL_PER_HZ, above)


def slaney_hz(mel: Any) -> Any:
    """The inverse of ``slaney_mel``."""
    mel = np.asarray(mel, dtype=np.float64)
    above = _KNEE_HZ * np.exp((np.maximum(mel, _KNEE_MEL) - _KNEE_MEL) / _MEL_PER_LOG)
    return np.where(mel < _KNEE_MEL, mel / _MEL_PER_HZ, above)


def slaney_filters(frontend: Frontend, sample_rate_hz: int) -> NDArray[np.float64]:
    """Triangles of area 1 in Hz, shape (fft_size // 2 + 1, mel_count)."""
    ends = slaney_mel(frontend.low_hz), slaney_mel(frontend.high_hz)
    edges = slaney_hz(np.linspace(*ends, frontend.mel_count + 2))
    bins_hz = np.arange(frontend.fft_size // 2 + 1)[:, None] * (sample_rate_hz / frontend.fft_size)
    low, mid, high = edges[:-2], edges[1:-1], edges[2:]
    triangles = np.maximum(0.0, np.minimum((bins_hz - low) / (mid - low), (high - bins_hz) / (high - mid)))
    return np.asarray(triangles * (2.0 / (high - low)), dtype=np.float64)


class WhisperMel:
    """Frames of the last ``context_samples`` and the chunk together, float32, shape (1, mel_count, frames).

    What came before the stream is silence. The greatest value is that of the window, so that frames of the same audio
    differ a little from window to window, as they do in Whisper.
    """

    def __init__(self, frontend: Frontend, sample_rate_hz: int) -> None:
        if frontend.kind != "whisper-mel":
            raise ValueError(f"WhisperMel needs a whisper-mel frontend, got {frontend.kind!r}")
        if frontend.window_samples != frontend.fft_size:
            raise ValueError(f"whisper-mel takes windows of fft_size, got {frontend.window_samples}")
        self.frontend = frontend
        self._filters = slaney_filters(frontend, sample_rate_hz)
        size = frontend.fft_size
        self._hann = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(size) / size)) * _INT16_SCALE
        self._context = np.zeros(frontend.context_samples)

    def reset(self) -> None:
        self._context[:] = 0.0

    def push_into(self, samples: NDArray[Any], out: NDArray[np.float32]) -> int:
        if samples.ndim != 1 or samples.dtype not in (np.int16, np.float32):
            raise ValueError(f"samples must be mono int16 or float32, got {samples.dtype} of shape {samples.shape}")
        # In units of int16: what is scaled by a power of two loses nothing.
        scale = 1.0 if samples.dtype == np.int16 else 1.0 / _INT16_SCALE
        heard = np.concatenate([self._context, samples * np.float64(scale)])
        frames = len(heard) // self.frontend.hop_samples
        if out.shape != (1, self.frontend.mel_count, frames):
            raise ValueError(f"out must be {(1, self.frontend.mel_count, frames)}, got {out.shape}")
        out[0] = self._frames(heard, frames)
        self._context[:] = heard[len(heard) - len(self._context) :]
        return frames

    def _frames(self, heard: NDArray[np.float64], frames: int) -> NDArray[np.float64]:
        size, hop = self.frontend.fft_size, self.frontend.hop_samples
        mirrored = np.pad(heard, size // 2, mode="reflect")
        windows = np.lib.stride_tricks.sliding_window_view(mirrored, size)[::hop][:frames]
        power = np.abs(np.fft.rfft(windows * self._hann)) ** 2
        log = np.log10(np.maximum(power @ self._filters, self.frontend.log_floor))
        log = np.maximum(log, log.max() - _RANGE)
        return np.asarray((log.T + 4.0) / 4.0)
