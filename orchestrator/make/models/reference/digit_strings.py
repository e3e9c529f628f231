"""Batches of spoken digit strings, for every model that is trained on them. Needs torch and espeak-ng."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from orchestrator.make.models.reference.augment import Conditions, Surroundings, another_voice
from orchestrator.make.models.reference.digits_lstm.model import LABELS, STACK
from orchestrator.make.models.reference.speech import SAMPLE_RATE_HZ, Corpus

# What a model gives one row of logits for: 20 ms.
STEP_SAMPLES = 160 * STACK
LEAD_S = (0.05, 0.6)
TAIL_S = (0.3, 0.7)
ALL_DIGITS = 7


@dataclass(frozen=True)
class Batch:
    """Sound (N, samples) or what was made of it, labels of all strings in one row; for each string its steps, labels,
    last spoken step."""

    inputs: Tensor
    labels: Tensor
    step_counts: Tensor
    label_counts: Tensor
    last_steps: Tensor


class Strings:
    """Batches of digit strings of like length, each in its own surroundings.

    ``step_samples``: what the model gives one row of logits for. ``lead_s`` and ``tail_s``: silence around the speech.
    """

    def __init__(
        self,
        corpus: Corpus,
        seed: int,
        step_samples: int = STEP_SAMPLES,
        lead_s: tuple[float, float] = LEAD_S,
        tail_s: tuple[float, float] = TAIL_S,
    ) -> None:
        self.corpus = corpus
        self.step_samples, self.lead_s, self.tail_s = step_samples, lead_s, tail_s
        self.rng = np.random.default_rng(seed)
        self.surroundings = Surroundings(self.rng, corpus)
        self.conditions = Conditions()
        self.labels = [[LABELS.index(w) for w in u.text.split()] for u in corpus.utterances]

    def epoch(self, batch: int, most_digits: int) -> Iterator[Batch]:
        """Every string of at most ``most_digits`` once, strings of like length together, batches in random order."""
        lengths = np.diff(self.corpus.bounds) * self.rng.uniform(0.9, 1.1, len(self.corpus))
        order = [int(i) for i in np.argsort(lengths) if len(self.labels[i]) <= most_digits]
        groups = [order[i : i + batch] for i in range(0, len(order) - batch + 1, batch)]
        for index in self.rng.permutation(len(groups)):
            yield self._collate(groups[index])

    def _collate(self, items: list[int]) -> Batch:
        placed = [self._place(i) for i in items]
        samples = np.zeros((len(items), max(len(sound) for sound, _ in placed)), dtype=np.float32)
        for row, (sound, _) in zip(samples, placed, strict=True):
            row[: len(sound)] = sound
        return Batch(
            inputs=torch.from_numpy(samples),
            labels=torch.tensor([label for i in items for label in self.labels[i]]),
            step_counts=torch.tensor([len(sound) // self.step_samples for sound, _ in placed]),
            label_counts=torch.tensor([len(self.labels[i]) for i in items]),
            last_steps=torch.tensor([end // self.step_samples for _, end in placed]),
        )

    def _place(self, item: int) -> tuple[NDArray[np.float32], int]:
        speech = another_voice(self.rng, self.corpus.audio(item))
        lead, tail = (int(self.rng.uniform(*span) * SAMPLE_RATE_HZ) for span in (self.lead_s, self.tail_s))
        end = lead + len(speech)
        sound = np.zeros(-(-(end + tail) // self.step_samples) * self.step_samples, dtype=np.float32)
        sound[lead:end] = speech
        return self.surroundings.place(self.rng, sound, self.conditions), end
