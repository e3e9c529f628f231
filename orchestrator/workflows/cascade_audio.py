"""What a cascade hears: utterances of an evaluation set with quiet between them, and when their words are spoken."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agents import wire
from orchestrator.errors import BadInput
from orchestrator.make.quality.audio import read_audio, write_wav
from orchestrator.make.quality.evaluation import EvaluationSet
from orchestrator.workflows.spoken import SpokenWords, spoken_words

# Quiet is not silence: a microphone's floor of 8 units of 16 bits, -72 dB of full scale.
_FLOOR = 8.0
_SEED = 0


@dataclass(frozen=True)
class Heard:
    """A WAV for the device; ``words`` None: nobody said when they are spoken. ``seconds``: once through."""

    file: tuple[Path, wire.Blob]
    words: SpokenWords | None
    seconds: float


def spaced(evaluation: EvaluationSet, split: str, pause_ms: float, labels: Sequence[str], folder: Path) -> Heard:
    """Every utterance of the split, each with so much quiet after it: without that none would end before the next."""
    rate = evaluation.sample_rate_hz
    pause = round(pause_ms * rate / 1e3)
    floor = np.random.default_rng(_SEED)
    utterances = evaluation.utterances_of(split)
    if not utterances:
        raise BadInput(f"the evaluation set has no utterance of split {split}", hint="give another split in [audio]")
    pieces, spans, at = [], [], 0
    for utterance in utterances:
        quiet = floor.normal(0.0, _FLOOR, pause).round().astype(np.int16)
        piece = np.concatenate([evaluation.samples(utterance), quiet])
        pieces.append(piece)
        spans.append(wire.Span(at, len(piece)))
        at += len(piece)
    words = spoken_words(evaluation, split, labels)
    return _written(np.concatenate(pieces), replace(words, spans=tuple(spans)) if words else None, rate, folder)


def own_audio(path: Path, sample_rate_hz: int, folder: Path) -> Heard:
    """Raises BadAudio."""
    return _written(read_audio(path, sample_rate_hz), None, sample_rate_hz, folder)


def _written(samples: NDArray[np.int16], words: SpokenWords | None, rate: int, folder: Path) -> Heard:
    path = folder / "cascade.wav"
    return Heard((path, write_wav(path, samples, rate)), words, len(samples) / rate)
