"""Which utterances the digit recognizer trains on."""

import numpy as np

from orchestrator.make.models.reference import speech

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
STRINGS = 7000
PAUSES = (0, 12)


def digit_string(rng: np.random.Generator, low: int, high: int) -> str:
    """``low`` to ``high`` digit words, both ends included, each digit equally likely."""
    return " ".join(rng.choice(DIGITS, size=int(rng.integers(low, high + 1))))


def training(seed: int = 2, count: int = STRINGS) -> speech.Corpus:
    """``count`` strings of 1 to 7 digits by the training speakers in the training accents."""
    rng = np.random.default_rng(seed)
    texts = [digit_string(rng, 1, 7) for _ in range(count)]
    return speech.corpus([speech.draw(rng, t, speech.TRAIN_ACCENTS, speech.TRAIN_SPEAKERS, PAUSES) for t in texts])
