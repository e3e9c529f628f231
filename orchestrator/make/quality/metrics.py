"""Task metrics, on strings and arrays. Each keeps its per-item results, so that a paired bootstrap can use them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.decode import Event
from orchestrator.domain.perceived import HEARD_WITHIN_S

SECONDS_PER_HOUR = 3600.0


def word_errors(reference: str, hypothesis: str) -> tuple[int, int]:
    """(substitutions + deletions + insertions, words in the reference): the edit distance over words."""
    said, heard = reference.split(), hypothesis.split()
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, start=1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(heard, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1], len(said)


@dataclass(frozen=True)
class WordErrors:
    """Errors and reference words of each item, both of shape (items,), int64."""

    errors: NDArray[np.int64]
    words: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.errors.shape != self.words.shape or self.words.sum() <= 0:
            raise ValueError(f"need equal shapes and at least one reference word, got {self.errors}, {self.words}")

    @property
    def rate(self) -> float:
        """Word error rate, 0 or more (insertions can take it past 1): all errors over all reference words."""
        return float(self.errors.sum() / self.words.sum())


def wer(references: Sequence[str], hypotheses: Sequence[str]) -> WordErrors:
    """Word errors of each pair. Raises ValueError if the counts differ or nothing was said."""
    pairs = [word_errors(r, h) for r, h in zip(references, hypotheses, strict=True)]
    return WordErrors(
        errors=np.array([e for e, _ in pairs], dtype=np.int64), words=np.array([w for _, w in pairs], dtype=np.int64)
    )


@dataclass(frozen=True)
class Accuracy:
    """Whether each item was right, shape (items,), bool."""

    correct: NDArray[np.bool_]

    def __post_init__(self) -> None:
        if self.correct.size == 0:
            raise ValueError("accuracy needs at least one item, got none")

    @property
    def rate(self) -> float:
        """Share of items that are right, 0 to 1."""
        return float(self.correct.mean())


def accuracy(references: Sequence[str], hypotheses: Sequence[str]) -> Accuracy:
    """Which items are right. Raises ValueError if the counts differ or there are none."""
    return Accuracy(np.array([r == h for r, h in zip(references, hypotheses, strict=True)], dtype=np.bool_))


@dataclass(frozen=True)
class Spoken:
    """A keyword in a continuous track, in seconds from its start."""

    label: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Track:
    """A continuous recording: what was said in it and what a decoder heard, with frames of ``frame_s`` seconds."""

    duration_s: float
    spoken: tuple[Spoken, ...]
    heard: tuple[Event, ...]
    frame_s: float


@dataclass(frozen=True)
class FalseRejects:
    """The operating point at a budget of false accepts.

    ``rejected`` tells for each spoken keyword (tracks in order, then their keywords in order) whether it was missed at
    ``threshold``; ``false_accepts`` happened in ``duration_s``.
    """

    rejected: NDArray[np.bool_]
    false_accepts: int
    duration_s: float
    threshold: float

    @property
    def rate(self) -> float:
        """False-reject rate, 0 to 1."""
        return float(self.rejected.mean())

    @property
    def false_accepts_per_hour(self) -> float:
        return self.false_accepts / self.duration_s * SECONDS_PER_HOUR


@dataclass(frozen=True)
class Hits:
    """What ``match`` found in one track, on the scale of event scores."""

    scores: NDArray[np.float64]
    false_scores: NDArray[np.float64]


def match(track: Track, tolerance_s: float) -> Hits:
    """The best score that each spoken keyword was heard with (-1: not at all), and the scores of false accepts.

    An event belongs to a keyword of its label if it falls between the keyword's start and its end + ``tolerance_s``.
    Several events on one keyword count as one hit; all that belong to none are false accepts.
    """
    scores = np.full(len(track.spoken), -1.0)
    false_scores = []
    for event in track.heard:
        at_s = (event["frame"] + 1) * track.frame_s
        owners = [
            i
            for i, word in enumerate(track.spoken)
            if word.label == event["label"] and word.start_s <= at_s <= word.end_s + tolerance_s
        ]
        if not owners:
            false_scores.append(event["score"])
        for i in owners:
            scores[i] = max(scores[i], event["score"])
    return Hits(scores, np.array(false_scores, dtype=np.float64))


def false_rejects_at_false_accepts(
    tracks: Sequence[Track], false_accepts_per_hour: float, tolerance_s: float = HEARD_WITHIN_S
) -> FalseRejects:
    """Misses at the lowest threshold whose false accepts stay within the budget.

    Decode the tracks with a low threshold: an event's score is the highest threshold at which it would have fired.
    Raises ValueError without a spoken keyword or with a negative budget.
    """
    if false_accepts_per_hour < 0:
        raise ValueError(f"false_accepts_per_hour must be >= 0, got {false_accepts_per_hour}")
    hits = [match(track, tolerance_s) for track in tracks]
    spoken = np.concatenate([h.scores for h in hits]) if hits else np.zeros(0)
    if spoken.size == 0:
        raise ValueError("false rejects need at least one spoken keyword, got none")
    duration_s = sum(track.duration_s for track in tracks)
    allowed = int(false_accepts_per_hour * duration_s / SECONDS_PER_HOUR + 1e-9)
    falses = np.sort(np.concatenate([h.false_scores for h in hits]))[::-1]
    # Just above the first false accept that the budget cannot pay for.
    threshold = float(np.nextafter(falses[allowed], np.inf)) if len(falses) > allowed else 0.0
    return FalseRejects(
        rejected=np.asarray((spoken < threshold) | (spoken < 0.0)),
        false_accepts=int((falses >= threshold).sum()),
        duration_s=duration_s,
        threshold=threshold,
    )


def error_breakdown(references: Sequence[str], hypotheses: Sequence[str]) -> Mapping[tuple[str, str], int]:
    """How often each wrong pair (reference, hypothesis) occurs, most frequent first."""
    counts: dict[tuple[str, str], int] = {}
    for pair in zip(references, hypotheses, strict=True):
        if pair[0] != pair[1]:
            counts[pair] = counts.get(pair, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: -item[1]))
