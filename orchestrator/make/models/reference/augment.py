"""Rooms and noise: what turns clean synthetic speech into something like a microphone's. Numpy only, seeded."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.make.models.reference.speech import SAMPLE_RATE_HZ, Corpus

NOISES = ("white", "pink", "babble", "hum")
BANK_S = 60
ROOMS = 200
BABBLE_VOICES = 6


def rms(samples: NDArray[np.float32]) -> float:
    """Root mean square, never 0."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)) + 1e-12))


def pink(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    """Noise of ``count`` samples whose power falls with 1 / f above 20 Hz."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    hz = np.fft.rfftfreq(count, 1.0 / SAMPLE_RATE_HZ)
    return np.fft.irfft(spectrum / np.sqrt(np.maximum(hz, 20.0)), count).astype(np.float32)


def hum(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    """Mains hum: 50 or 60 Hz with eight fading harmonics, over a little white noise."""
    time_s = np.arange(count) / SAMPLE_RATE_HZ
    base_hz = rng.choice([50.0, 60.0])
    tones = [
        rng.uniform(0.2, 1.0) / k * np.sin(2 * np.pi * (k * base_hz * time_s + rng.uniform())) for k in range(1, 9)
    ]
    return np.asarray(np.sum(tones, axis=0) + 0.05 * rng.standard_normal(count), dtype=np.float32)


def babble(rng: np.random.Generator, count: int, speech: Corpus) -> NDArray[np.float32]:
    """Several voices of ``speech`` at once, each saying one random utterance after another."""
    mixed = np.zeros(count, dtype=np.float32)
    for _ in range(BABBLE_VOICES):
        at = -int(rng.integers(SAMPLE_RATE_HZ))
        while at < count:
            word = speech.audio(int(rng.integers(len(speech))))
            begin, end = max(at, 0), min(at + len(word), count)
            if end > begin:
                mixed[begin:end] += word[begin - at : end - at] * np.float32(rng.uniform(0.4, 1.0))
            at += len(word) + int(rng.integers(SAMPLE_RATE_HZ // 10))
    return mixed


def room(rng: np.random.Generator) -> NDArray[np.float32]:
    """A synthetic impulse response: the direct sound, then noise that decays by 60 dB in 0.1 to 0.6 s.

    The direct sound is 2 to 14 dB above the whole tail. Shape (samples,), energy 1.
    """
    decay_s = rng.uniform(0.1, 0.6)
    count = int(decay_s * SAMPLE_RATE_HZ)
    tail = rng.standard_normal(count) * 10.0 ** (-3.0 * np.arange(count) / count)
    tail[: int(rng.uniform(0.001, 0.008) * SAMPLE_RATE_HZ)] = 0.0
    tail *= 10 ** (-rng.uniform(2, 14) / 20) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    return np.asarray(tail / np.sqrt(np.sum(tail**2)), dtype=np.float32)


@dataclass(frozen=True)
class Conditions:
    """Ranges that a clip's surroundings are drawn from. Shares are probabilities, levels are in dB."""

    reverberant_share: float = 0.5
    noisy_share: float = 0.85
    snr_db: tuple[float, float] = (3.0, 30.0)
    level_dbfs: tuple[float, float] = (-38.0, -18.0)


class Surroundings:
    """Banks of noise and rooms, and how to put speech into them."""

    def __init__(self, rng: np.random.Generator, speech: Corpus) -> None:
        count = BANK_S * SAMPLE_RATE_HZ
        self._noise = {
            "white": rng.standard_normal(count).astype(np.float32),
            "pink": pink(rng, count),
            "babble": babble(rng, count, speech),
            "hum": hum(rng, count),
        }
        self._rooms = [room(rng) for _ in range(ROOMS)]

    def noise(self, rng: np.random.Generator, count: int) -> NDArray[np.float32]:
        """``count`` samples of a random kind of noise, RMS 1."""
        bank = self._noise[NOISES[int(rng.integers(len(NOISES)))]]
        at = int(rng.integers(len(bank) - count))
        piece = bank[at : at + count]
        return np.asarray(piece / np.float32(rms(piece)), dtype=np.float32)

    def place(
        self, rng: np.random.Generator, speech: NDArray[np.float32], conditions: Conditions
    ) -> NDArray[np.float32]:
        """``speech`` (silent where nobody speaks) in a random room with random noise at a random level.

        The level is the RMS of the samples above 2 % of full scale; silence alone gets noise only. Clipped to [-1, 1].
        """
        if rng.random() < conditions.reverberant_share:
            speech = reverberate(speech, self._rooms[int(rng.integers(ROOMS))])
        spoken = speech[np.abs(speech) > 0.02]
        loud = rms(spoken) if len(spoken) else 0.1
        mixed = speech / np.float32(loud)
        snr_db = rng.uniform(*conditions.snr_db) if rng.random() < conditions.noisy_share else 45.0
        mixed = mixed + self.noise(rng, len(speech)) * np.float32(10 ** (-snr_db / 20))
        level = np.float32(10 ** (rng.uniform(*conditions.level_dbfs) / 20))
        return np.asarray(np.clip(mixed * level, -1.0, 1.0), dtype=np.float32)


def another_voice(
    rng: np.random.Generator, speech: NDArray[np.float32], span: tuple[float, float] = (0.8, 1.25)
) -> NDArray[np.float32]:
    """``speech`` played 0.8 to 1.25 times as fast: pitch, formants and length of a larger or smaller speaker.

    Speed perturbation (Ko et al., Interspeech 2015); it widens the few dozen voices of the training set.
    """
    factor = rng.uniform(*span)
    at = np.arange(0.0, len(speech) - 1.0, factor)
    return np.asarray(np.interp(at, np.arange(len(speech)), speech), dtype=np.float32)


def reverberate(speech: NDArray[np.float32], response: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convolution with a room's impulse response, cut to the length of ``speech``."""
    size = 1 << int(np.ceil(np.log2(len(speech) + len(response))))
    spectrum = np.fft.rfft(speech, size) * np.fft.rfft(response, size)
    return np.fft.irfft(spectrum, size)[: len(speech)].astype(np.float32)
