"""A signal that excites a speech model where no recording is at hand: synthetic, and named so in provenance."""

import numpy as np
from numpy.typing import NDArray

# Syllables come about four times a second.
_SYLLABLES_HZ = 4.0


def probe_audio(sample_rate_hz: int, duration_s: float, seed: int = 0) -> NDArray[np.int16]:
    """Voiced harmonics with a gliding pitch under a syllable envelope, then noise: mono int16, peak about -12 dBFS."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(sample_rate_hz * duration_s)) / sample_rate_hz
    pitch_hz = 140.0 + 40.0 * np.sin(2 * np.pi * 0.7 * t)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / sample_rate_hz
    harmonics = range(1, int(0.45 * sample_rate_hz / 180.0) + 1)
    voiced = np.sum([np.sin(h * phase) / h for h in harmonics], axis=0) if len(t) else t
    envelope = np.clip(np.sin(2 * np.pi * _SYLLABLES_HZ * t), 0.0, None)
    signal = envelope * voiced + 0.02 * rng.standard_normal(len(t))
    return np.asarray(np.round(signal * (8192.0 / 2.0)), dtype=np.int16)
