"""Train the digit recognizer: ``python -m orchestrator.make.models.reference.digits_lstm.train``.

Needs the ``train`` extra and espeak-ng; about 50 s an epoch on one core. Writes its weights after every epoch.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from agents.contract import Frontend
from orchestrator.make.models.reference.augment import Conditions, Surroundings, another_voice
from orchestrator.make.models.reference.batch_mel import colour, matching_mel, normalization
from orchestrator.make.models.reference.digits_lstm import corpora
from orchestrator.make.models.reference.digits_lstm.model import BLANK, LABELS, STACK, DigitRecognizer
from orchestrator.make.models.reference.speech import SAMPLE_RATE_HZ, Corpus

WEIGHTS = Path(__file__).parent / "weights.safetensors"
STEP_SAMPLES = 160 * STACK
LEAD_S = (0.05, 0.6)
TAIL_S = (0.3, 0.7)
# CTC from scratch stays with "always blank" for many epochs. So the first epochs teach single digits, whose ends are
# known, frame by frame: blank, but for the label in the steps around the end of the word. CTC takes over from there.
SINGLE_DIGIT_EPOCHS = 12
LABEL_STEPS = (-4, 3)
LABEL_WEIGHT = 5.0
LESSONS = (*[1] * SINGLE_DIGIT_EPOCHS, 2, 2, 3, 4)
ALL_DIGITS = 7


@dataclass(frozen=True)
class Batch:
    """Samples (N, samples), labels of all strings in one row; for each string its steps, labels, last spoken step."""

    samples: Tensor
    labels: Tensor
    step_counts: Tensor
    label_counts: Tensor
    last_steps: Tensor


class Strings:
    """Batches of digit strings of like length, each in its own surroundings."""

    def __init__(self, corpus: Corpus, seed: int) -> None:
        self.corpus = corpus
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
            samples=torch.from_numpy(samples),
            labels=torch.tensor([label for i in items for label in self.labels[i]]),
            step_counts=torch.tensor([len(sound) // STEP_SAMPLES for sound, _ in placed]),
            label_counts=torch.tensor([len(self.labels[i]) for i in items]),
            last_steps=torch.tensor([end // STEP_SAMPLES for _, end in placed]),
        )

    def _place(self, item: int) -> tuple[NDArray[np.float32], int]:
        speech = another_voice(self.rng, self.corpus.audio(item))
        lead, tail = (int(self.rng.uniform(*span) * SAMPLE_RATE_HZ) for span in (LEAD_S, TAIL_S))
        end = lead + len(speech)
        sound = np.zeros(-(-(end + tail) // STEP_SAMPLES) * STEP_SAMPLES, dtype=np.float32)
        sound[lead:end] = speech
        return self.surroundings.place(self.rng, sound, self.conditions), end


def ctc_loss(logits: Tensor, batch: Batch) -> Tensor:
    """CTC, per label."""
    log_p = functional.log_softmax(logits, dim=-1).transpose(0, 1)
    return functional.ctc_loss(
        log_p, batch.labels, batch.step_counts, batch.label_counts, blank=BLANK, zero_infinity=True
    )


def aligned_loss(logits: Tensor, batch: Batch) -> Tensor:
    """Cross entropy per step for strings of one digit."""
    step = torch.arange(logits.shape[1])[None] - batch.last_steps[:, None]
    spoken = (step >= LABEL_STEPS[0]) & (step <= LABEL_STEPS[1])
    target = torch.where(spoken, batch.labels[:, None], BLANK)
    weight = torch.where(spoken, LABEL_WEIGHT, 1.0)
    each = functional.cross_entropy(logits.transpose(1, 2), target, reduction="none")
    return (each * weight).sum() / weight.sum()


def starting_point(weights: Path, resume: bool) -> DigitRecognizer:
    """A fresh model, or the one whose weights were written last."""
    model = DigitRecognizer()
    if resume:
        model.load_state_dict(load_file(weights))
    return model


def train(epochs: int, batch_size: int, seed: int, threads: int, rate: float, weights: Path, resume: bool) -> None:
    """Train from scratch with one learning-rate cycle over ``epochs``."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    microphones = torch.Generator().manual_seed(seed)
    strings = Strings(corpora.training(), seed)
    mel = matching_mel(Frontend("log-mel"), SAMPLE_RATE_HZ, next(strings.epoch(20, ALL_DIGITS)).samples)
    model = starting_point(weights, resume)
    if not resume:
        heard = [mel(b.samples).flatten(0, 1) for b, _ in zip(strings.epoch(8, ALL_DIGITS), range(30), strict=False)]
        mean, scale = normalization(torch.cat(heard)[None])
        model.mean.copy_(mean)
        model.scale.copy_(scale)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)
    lessons = () if resume else LESSONS
    stages = [*lessons, *[ALL_DIGITS] * (epochs - len(lessons))]
    steps = sum(sum(len(s) <= most for s in strings.labels) // batch_size for most in stages)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rate, total_steps=steps, pct_start=0.1)
    for epoch, most_digits in enumerate(stages):
        began_s, total, batches = time.monotonic(), 0.0, 0
        model.train()
        for batch in strings.epoch(batch_size, most_digits):
            logits = model(colour(mel(batch.samples), microphones), *model.fresh_state(len(batch.samples)))[0]
            loss = (aligned_loss if most_digits == 1 else ctc_loss)(logits, batch)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            schedule.step()
            total, batches = total + float(loss.detach()), batches + 1
        save_file({k: v.contiguous() for k, v in model.state_dict().items()}, weights)
        print(f"epoch {epoch + 1}/{epochs} loss {total / batches:.4f} {time.monotonic() - began_s:.0f} s", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--batch-size", type=int, default=24)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate of the cycle")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="written after every epoch")
    parser.add_argument("--resume", action="store_true", help="go on from these weights with a new cycle")
    train(**vars(parser.parse_args()))
