"""What the digit transducer hears in training: features of digit strings, in a few surroundings each."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agents.contract import Frontend
from orchestrator.make.models.reference import speech
from orchestrator.make.models.reference.augment import Conditions, Surroundings, another_voice
from orchestrator.make.models.reference.batch_mel import matching_mel
from orchestrator.make.models.reference.digits_conformer.model import LABELS, STACK
from orchestrator.make.models.reference.digits_lstm import corpora

FRONTEND = Frontend("log-mel")
STEP_SAMPLES = FRONTEND.hop_samples * STACK
LEAD_S = (0.05, 0.45)
TAIL_S = (0.2, 0.5)
# Corpora of digits_lstm by seed: its own one, and as much again.
SEEDS = (2, 3)
# Of one string's features, kept in memory: 1.1 GB in all.
COPIES = 4


@dataclass(frozen=True)
class Sample:
    """Features (T, bands) in float16 of one string somewhere, and the step in which its speech ends."""

    frames: Tensor
    last_step: int


@dataclass(frozen=True)
class Batch:
    """Frames (N, T, bands), labels (N, U) filled up with blanks, and of each item: steps, labels, last spoken step."""

    frames: Tensor
    labels: Tensor
    step_counts: Tensor
    label_counts: Tensor
    last_steps: Tensor


def training() -> speech.Corpus:
    """Strings of 1 to 7 digits by the training speakers."""
    parts = [corpora.training(seed) for seed in SEEDS]
    starts = np.cumsum([0, *(len(p.samples) for p in parts[:-1])])
    bounds = [part.bounds[1:] + start for part, start in zip(parts, starts, strict=True)]
    utterances = tuple(u for part in parts for u in part.utterances)
    return speech.Corpus(utterances, np.concatenate([p.samples for p in parts]), np.concatenate([[0], *bounds]))


class Strings:
    """Batches of digit strings of like length. A string is put into ``COPIES`` surroundings, then one of them again."""

    def __init__(self, corpus: speech.Corpus, seed: int) -> None:
        self.corpus = corpus
        self.rng = np.random.default_rng(seed)
        self.labels = [[LABELS.index(w) for w in u.text.split()] for u in corpus.utterances]
        self._surroundings = Surroundings(self.rng, corpus)
        self._conditions = Conditions()
        self._made: list[list[Sample]] = [[] for _ in self.labels]
        some = [self._sound(i)[0] for i in range(8)]
        shortest = min(len(sound) for sound in some)
        held_against = torch.from_numpy(np.stack([sound[:shortest] for sound in some]))
        self._mel = matching_mel(FRONTEND, speech.SAMPLE_RATE_HZ, held_against)

    def epoch(self, batch: int, most_digits: int) -> Iterator[Batch]:
        """Every string of at most ``most_digits`` once, batches in random order. What is left over is left out."""
        lengths = np.diff(self.corpus.bounds) * self.rng.uniform(0.9, 1.1, len(self.corpus))
        order = [int(i) for i in np.argsort(lengths) if len(self.labels[i]) <= most_digits]
        groups = [order[i : i + batch] for i in range(0, len(order) - batch + 1, batch)]
        for index in self.rng.permutation(len(groups)):
            items = groups[index]
            yield collate([self._hear(i) for i in items], [self.labels[i] for i in items])

    def _hear(self, item: int) -> Sample:
        made = self._made[item]
        if len(made) == COPIES:
            return made[int(self.rng.integers(COPIES))]
        sound, end = self._sound(item)
        frames = self._mel(torch.from_numpy(sound)[None])[0]
        made.append(Sample(frames.half(), end // STEP_SAMPLES))
        return made[-1]

    def _sound(self, item: int) -> tuple[NDArray[np.float32], int]:
        """A whole number of steps, and the sample in which the speech ends."""
        spoken = another_voice(self.rng, self.corpus.audio(item))
        lead, tail = (int(self.rng.uniform(*span) * speech.SAMPLE_RATE_HZ) for span in (LEAD_S, TAIL_S))
        end = lead + len(spoken)
        sound = np.zeros(-(-(end + tail) // STEP_SAMPLES) * STEP_SAMPLES, dtype=np.float32)
        sound[lead:end] = spoken
        return self._surroundings.place(self.rng, sound, self._conditions), end


def collate(samples: list[Sample], labels: list[list[int]]) -> Batch:
    """One batch; shorter items are filled up with their own last frame."""
    longest = max(len(s.frames) for s in samples)
    most = max(len(row) for row in labels)
    rows = [torch.cat([s.frames, s.frames[-1:].expand(longest - len(s.frames), -1)]) for s in samples]
    return Batch(
        frames=torch.stack(rows).float(),
        labels=torch.tensor([row + [0] * (most - len(row)) for row in labels]),
        step_counts=torch.tensor([len(s.frames) // STACK for s in samples]),
        label_counts=torch.tensor([len(row) for row in labels]),
        last_steps=torch.tensor([s.last_step for s in samples]),
    )
