"""Which words train, which test, and swipes of them as features and labels."""

import csv
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agents.touch import SAMPLES_PER_POINT, Touch
from orchestrator.make.models.reference.gesture_rnnt.layout import FRONTEND, LABELS
from orchestrator.make.models.reference.gesture_rnnt.traces import draw_user, swipe

LEXICON = Path(__file__).parent / "lexicon.csv"
CHUNK_POINTS = 16
# One word in ten tests, one in ten chooses the decoder's weights, and no swipe of either is ever trained on.
_SPLITS = {0: "test", 1: "choice"}
# Share of training words that are the head of one word and the tail of another: the prediction net must not believe
# that only the words exist which it was trained on.
INVENTED = 0.25
LONGEST_INVENTED = 14


def split_of(word: str) -> str:
    """ "test", "choice" or "train", by the word's hash."""
    return _SPLITS.get(hashlib.sha256(word.encode()).digest()[0] % 10, "train")


def words(split: str) -> list[str]:
    """The lexicon's words of two letters or more that belong to ``split``, most frequent first."""
    with LEXICON.open(newline="") as file:
        return [row["word"] for row in csv.DictReader(file) if len(row["word"]) > 1 and split_of(row["word"]) == split]


def in_chunks(samples: NDArray[np.int16], lead_points: int) -> NDArray[np.int16]:
    """The trace after ``lead_points`` of an idle finger, in whole chunks that end with a lifted one."""
    lead = lead_points * SAMPLES_PER_POINT
    chunk = CHUNK_POINTS * SAMPLES_PER_POINT
    padded = np.zeros(((lead + len(samples)) // chunk + 1) * chunk, dtype=np.int16)
    padded[lead : lead + len(samples)] = samples
    return padded


@dataclass(frozen=True)
class Swipe:
    """Features (points, features) in whole chunks, and the word's labels."""

    features: NDArray[np.float32]
    labels: tuple[int, ...]


class Swipes:
    """Endless new swipes of the training words, each by another user."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.words = words("train")
        self._touch = Touch(FRONTEND)

    def epoch(self, batch: int) -> Iterator[list[Swipe]]:
        """Every training word once, a part of them spliced; swipes of like length together, batches in random order."""
        rng = self.rng
        pool = [self.words[i] for i in rng.permutation(len(self.words))]
        for start in range(0, len(pool), 32 * batch):
            made = sorted((self.draw(self._word(w)) for w in pool[start : start + 32 * batch]), key=_points)
            groups = [made[i : i + batch] for i in range(0, len(made) - batch + 1, batch)]
            for index in rng.permutation(len(groups)):
                yield groups[index]

    def _word(self, word: str) -> str:
        if self.rng.random() >= INVENTED:
            return word
        other = self.words[int(self.rng.integers(len(self.words)))]
        head = word[: int(self.rng.integers(1, len(word) + 1))]
        return (head + other[int(self.rng.integers(len(other))) :])[:LONGEST_INVENTED]

    def draw(self, word: str) -> Swipe:
        """``word`` by a new user, begun anywhere in a chunk."""
        samples = in_chunks(swipe(word, draw_user(self.rng), self.rng), int(self.rng.integers(CHUNK_POINTS)))
        return Swipe(features_of(self._touch, samples), labels_of(word))


def features_of(touch: Touch, samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """Features of a whole trace, from a fresh stream."""
    out = np.empty((len(samples) // SAMPLES_PER_POINT, touch.width), dtype=np.float32)
    touch.reset()
    touch.push_into(samples, out)
    return out


def labels_of(word: str) -> tuple[int, ...]:
    """Classes of the letters."""
    return tuple(LABELS.index(letter) for letter in word)


def _points(swipe: Swipe) -> int:
    return len(swipe.features)


def padded(swipes: Sequence[Swipe]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Features (N, longest, features) and labels (N, most), zeros behind."""
    features = np.zeros((len(swipes), max(map(_points, swipes)), swipes[0].features.shape[1]), dtype=np.float32)
    labels = np.zeros((len(swipes), max(len(s.labels) for s in swipes)), dtype=np.int64)
    for row, item in enumerate(swipes):
        features[row, : _points(item)] = item.features
        labels[row, : len(item.labels)] = item.labels
    return features, labels
