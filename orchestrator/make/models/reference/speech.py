"""Speech for the reference models: espeak-ng utterances, and the speakers that may not meet in two splits.

A speaker is an espeak-ng voice variant (``+variant``); an accent is a language voice. Variants that differ only in
pitch or echo are one family, and a family never spans two splits. Needs espeak-ng, in training only.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import EarshotError

SAMPLE_RATE_HZ = 16_000
ESPEAK_RATE_HZ = 22_050
WAV_HEADER_BYTES = 44
# Kept of the silence before and after an utterance: 10 ms.
MARGIN_SAMPLES = SAMPLE_RATE_HZ // 100

TRAIN_ACCENTS = ("en", "en-us", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029")
HELD_OUT_ACCENTS = ("en-us-nyc",)
TEST_ACCENTS = TRAIN_ACCENTS + HELD_OUT_ACCENTS

# Left out: whispers, robots, monsters and echoes (no human speaks so), and copies of another variant
# (caleb, klatt6, fast, iven3). Among the test speakers no two have the same formant frequencies (so of steph, steph2
# and steph3 only the first): a voice that comes three times would weigh three times.
_TRAIN_SPEAKERS = """
    Alex Andrea Andy AnxiousAndy Diogo Gene Gene2 Henrique Hugo Jacky Marco Mario Michael Mike Nguyen Storm Tweaky
    adam anika antonio aunty benjamin boris ed edward edward2 f1 f2 f3 f5 grandma grandpa gustave iven2 iven4 john
    kaukovalta klatt klatt2 klatt3 klatt4 klatt5 m1 m2 m4 m5 m7 m8 marcelo max michel miguel pablo paul rob robert
    sandro shelby travis zac"""
TRAIN_SPEAKERS = tuple(_TRAIN_SPEAKERS.split())
_TEST_SPEAKERS = """Alicia Annie Denis Lee belinda david f4 linda m3 m6 norbert pedro quincy steph victor"""
TEST_SPEAKERS = tuple(_TEST_SPEAKERS.split())


class SynthesisFailed(EarshotError):
    """espeak-ng is missing, or said nothing for an utterance."""


@dataclass(frozen=True)
class Utterance:
    """What one voice says: speed in words per minute, pitch 0..99, pause between words in units of 10 ms."""

    text: str
    accent: str
    speaker: str
    speed_wpm: int
    pitch: int
    word_gap: int = 0

    def argv(self) -> list[str]:
        """The espeak-ng call that writes a WAV of this utterance to stdout."""
        voice = f"{self.accent}+{self.speaker}"
        options = ["-v", voice, "-s", str(self.speed_wpm), "-p", str(self.pitch), "-g", str(self.word_gap)]
        return ["espeak-ng", *options, "--stdout", self.text]


def draw(
    rng: np.random.Generator, text: str, accents: tuple[str, ...], speakers: tuple[str, ...], gaps: tuple[int, int]
) -> Utterance:
    """An utterance of ``text`` by a voice drawn from ``accents`` x ``speakers``, at a human speed and pitch.

    ``gaps`` is the range of the pause between words in units of 10 ms, both ends included.
    """
    return Utterance(
        text=text,
        accent=str(rng.choice(accents)),
        speaker=str(rng.choice(speakers)),
        speed_wpm=int(rng.integers(120, 206)),
        pitch=int(rng.integers(20, 81)),
        word_gap=int(rng.integers(gaps[0], gaps[1] + 1)),
    )


def resample(samples: NDArray[np.float32], from_hz: int, to_hz: int) -> NDArray[np.float32]:
    """The same sound at another rate, by zeroing or padding its spectrum. For whole utterances with silent ends."""
    count = round(len(samples) * to_hz / from_hz)
    spectrum = np.fft.rfft(samples)
    bins = count // 2 + 1
    fitted = np.zeros(bins, dtype=spectrum.dtype)
    fitted[: min(bins, len(spectrum))] = spectrum[:bins]
    return (np.fft.irfft(fitted, count) * (to_hz / from_hz)).astype(np.float32)


def loud_samples(samples: NDArray[np.float32], below_peak_db: float = 40.0) -> NDArray[np.int64]:
    """Indices of the samples that are louder than ``below_peak_db`` under the peak."""
    return np.flatnonzero(np.abs(samples) > np.abs(samples).max() * 10 ** (-below_peak_db / 20))


def trim(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without the leading and trailing parts that are not loud (10 ms are kept)."""
    loud = loud_samples(samples)
    return samples[max(0, loud[0] - MARGIN_SAMPLES) : loud[-1] + MARGIN_SAMPLES]


def synthesize(utterance: Utterance) -> NDArray[np.float32]:
    """Trimmed speech, shape (n,), 16 kHz, peak 0.5. Raises SynthesisFailed."""
    speech = trim(synthesize_whole(utterance)[0])
    return np.asarray(speech * (0.5 / np.abs(speech).max()), dtype=np.float32)


def require_espeak() -> None:
    """Raises SynthesisFailed where it is not installed."""
    if shutil.which("espeak-ng") is None:
        raise SynthesisFailed("espeak-ng is not installed", hint="apt-get install espeak-ng")


def synthesize_whole(utterance: Utterance) -> tuple[NDArray[np.float32], int]:
    """Speech as espeak-ng gave it, at 16 kHz, and how many samples that were at its rate. Raises SynthesisFailed."""
    require_espeak()
    try:
        done = subprocess.run(utterance.argv(), capture_output=True, timeout=60, check=True)
    except subprocess.SubprocessError as exc:
        raise SynthesisFailed(f"espeak-ng failed on {utterance}: {exc}") from exc
    raw = np.frombuffer(done.stdout[WAV_HEADER_BYTES:], dtype="<i2").astype(np.float32)
    if len(raw) == 0 or np.abs(raw).max() < 200:
        raise SynthesisFailed(f"espeak-ng was silent on {utterance}")
    return resample(raw, ESPEAK_RATE_HZ, SAMPLE_RATE_HZ), len(raw)


@dataclass(frozen=True)
class Corpus:
    """Utterances and their sound: item i is ``samples[bounds[i]:bounds[i + 1]]``, int16, 16 kHz."""

    utterances: tuple[Utterance, ...]
    samples: NDArray[np.int16]
    bounds: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.utterances)

    def audio(self, index: int) -> NDArray[np.float32]:
        """Sound of one utterance, float32 in [-1, 1]."""
        return self.samples[self.bounds[index] : self.bounds[index + 1]].astype(np.float32) / 32768.0


def cache_dir() -> Path:
    """Where synthesized corpora are kept: EARSHOT_CACHE, else the temporary directory."""
    return Path(os.environ.get("EARSHOT_CACHE", tempfile.gettempdir())) / "earshot-speech"


def corpus(utterances: list[Utterance], workers: int = 2) -> Corpus:
    """Sound of all ``utterances``, synthesized once and cached by the hash of their list."""
    listing = json.dumps([asdict(u) for u in utterances]).encode()
    path = cache_dir() / f"{hashlib.sha256(listing).hexdigest()[:16]}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(workers) as pool:
            sounds = [np.round(s * 32767).astype(np.int16) for s in pool.map(synthesize, utterances)]
        bounds = np.cumsum([0, *(len(s) for s in sounds)], dtype=np.int64)
        partial = path.with_suffix(".partial.npz")
        np.savez(partial, samples=np.concatenate(sounds), bounds=bounds)
        partial.replace(path)
    with np.load(path, allow_pickle=False) as arrays:
        return Corpus(tuple(utterances), arrays["samples"], arrays["bounds"])
