"""What the digit transducer hears in training: features of digit strings, in a few surroundings each."""

import numpy as np
import torch
from torch import Tensor

from agents.contract import Frontend
from orchestrator.make.models.reference import speech
from orchestrator.make.models.reference.batch_mel import matching_mel
from orchestrator.make.models.reference.digit_strings import Batch, Strings
from orchestrator.make.models.reference.digits_conformer.model import STACK
from orchestrator.make.models.reference.digits_lstm import corpora

FRONTEND = Frontend("log-mel")
STEP_SAMPLES = FRONTEND.hop_samples * STACK
LEAD_S = (0.05, 0.45)
TAIL_S = (0.2, 0.5)
# Corpora of digits_lstm by seed: its own one, and as much again.
SEEDS = (2, 3)
# Of one string's features, kept in memory: 1.1 GB in all.
COPIES = 4


def training() -> speech.Corpus:
    """Strings of 1 to 7 digits by the training speakers."""
    parts = [corpora.training(seed) for seed in SEEDS]
    starts = np.cumsum([0, *(len(p.samples) for p in parts[:-1])])
    bounds = [part.bounds[1:] + start for part, start in zip(parts, starts, strict=True)]
    utterances = tuple(u for part in parts for u in part.utterances)
    return speech.Corpus(utterances, np.concatenate([p.samples for p in parts]), np.concatenate([[0], *bounds]))


class Features(Strings):
    """Batches with log-mel frames (N, T, bands) for inputs. A string is put into ``COPIES`` surroundings, then into one
    of them again."""

    def __init__(self, corpus: speech.Corpus, seed: int) -> None:
        super().__init__(corpus, seed, STEP_SAMPLES, LEAD_S, TAIL_S)
        self._made: list[list[tuple[Tensor, int]]] = [[] for _ in corpus.utterances]
        some = [self._place(i)[0] for i in range(8)]
        shortest = min(len(sound) for sound in some)
        held_against = torch.from_numpy(np.stack([sound[:shortest] for sound in some]))
        self._mel = matching_mel(FRONTEND, speech.SAMPLE_RATE_HZ, held_against)

    def _collate(self, items: list[int]) -> Batch:
        heard = [self._hear(i) for i in items]
        longest = max(len(frames) for frames, _ in heard)
        # Shorter ones are filled up with their own last frame.
        rows = [torch.cat([frames, frames[-1:].expand(longest - len(frames), -1)]) for frames, _ in heard]
        return Batch(
            inputs=torch.stack(rows).float(),
            labels=torch.tensor([label for i in items for label in self.labels[i]]),
            step_counts=torch.tensor([len(frames) // STACK for frames, _ in heard]),
            label_counts=torch.tensor([len(self.labels[i]) for i in items]),
            last_steps=torch.tensor([end // STEP_SAMPLES for _, end in heard]),
        )

    def _hear(self, item: int) -> tuple[Tensor, int]:
        """Frames in float16, and the sample in which the speech ends."""
        made = self._made[item]
        if len(made) == COPIES:
            return made[int(self.rng.integers(COPIES))]
        sound, end = self._place(item)
        made.append((self._mel(torch.from_numpy(sound)[None])[0].half(), end))
        return made[-1]
