"""CTC training of a digit recognizer, whatever its network. Needs torch."""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from agents.contract import Frontend
from orchestrator.make.models.reference.batch_mel import BatchMel, colour, matching_mel, normalization
from orchestrator.make.models.reference.digit_strings import ALL_DIGITS, Batch, Strings
from orchestrator.make.models.reference.digits_lstm import corpora
from orchestrator.make.models.reference.digits_lstm.model import BLANK
from orchestrator.make.models.reference.speech import SAMPLE_RATE_HZ, Corpus

# CTC from scratch stays with "always blank" for many epochs. So the first epochs teach single digits, whose ends are
# known, frame by frame: blank, but for the label in the steps around the end of the word. CTC takes over from there.
SINGLE_DIGIT_EPOCHS = 12
LABEL_STEPS = (-4, 3)
LABEL_WEIGHT = 5.0
LESSONS = (*[1] * SINGLE_DIGIT_EPOCHS, 2, 2, 3, 4)


@dataclass(frozen=True)
class Course:
    """One learning-rate cycle over ``epochs``; ``rate`` is its highest. ``lessons``: the most digits in a string, for
    each epoch before those with all strings. Weights are written after every epoch."""

    epochs: int
    batch_size: int
    seed: int
    threads: int
    rate: float
    weights: Path
    lessons: tuple[int, ...] = LESSONS

    @property
    def stages(self) -> list[int]:
        return [*self.lessons, *[ALL_DIGITS] * (self.epochs - len(self.lessons))]


def ctc_loss(logits: Tensor, batch: Batch) -> Tensor:
    """CTC, per label."""
    log_p = functional.log_softmax(logits, dim=-1).transpose(0, 1)
    return functional.ctc_loss(
        log_p, batch.labels, batch.step_counts, batch.label_counts, blank=BLANK, zero_infinity=True
    )


def aligned_loss(logits: Tensor, batch: Batch, label_steps: tuple[int, int] = LABEL_STEPS) -> Tensor:
    """Cross entropy per step for strings of one digit; ``label_steps`` from its last spoken step bear its label."""
    step = torch.arange(logits.shape[1])[None] - batch.last_steps[:, None]
    spoken = (step >= label_steps[0]) & (step <= label_steps[1])
    target = torch.where(spoken, batch.labels[:, None], BLANK)
    weight = torch.where(spoken, LABEL_WEIGHT, 1.0)
    each = functional.cross_entropy(logits.transpose(1, 2), target, reduction="none")
    return (each * weight).sum() / weight.sum()


def train(fresh: Callable[[], nn.Module], corpus: Corpus, course: Course, resume: dict[str, Tensor] | None) -> None:
    """Train the model of ``fresh`` by ``course``, from scratch or from the weights to ``resume``.

    The model has buffers ``mean`` and ``scale`` of its input and ``fresh_state(streams)``; see ``digits_lstm.model``.
    """
    torch.set_num_threads(course.threads)
    torch.manual_seed(course.seed)
    strings = Strings(corpus, course.seed)
    hear = Ear(strings, course.seed)
    model = fresh()
    if resume is not None:
        model.load_state_dict(resume)
    else:
        _normalize(model, strings, hear.mel)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)
    steps = sum(_batches(strings.labels, most, course.batch_size) for most in course.stages)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=course.rate, total_steps=steps, pct_start=0.1)
    for epoch, most_digits in enumerate(course.stages):
        began_s, losses = time.monotonic(), []
        model.train()
        for batch in strings.epoch(course.batch_size, most_digits):
            logits = model(hear(batch), *model.fresh_state(len(batch.inputs)))[0]
            loss = (aligned_loss if most_digits == 1 else ctc_loss)(logits, batch)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
        save_file({k: v.contiguous() for k, v in model.state_dict().items()}, course.weights)
        took_s = time.monotonic() - began_s
        print(f"epoch {epoch + 1}/{course.epochs} loss {sum(losses) / len(losses):.4f} {took_s:.0f} s", flush=True)


class Ear:
    """What a model hears of a batch: log-mel frames (N, T, bands), each string through a microphone of its own."""

    def __init__(self, strings: Strings, seed: int) -> None:
        some = next(strings.epoch(20, ALL_DIGITS)).inputs
        self.mel = matching_mel(Frontend("log-mel"), SAMPLE_RATE_HZ, some)
        self.microphones = torch.Generator().manual_seed(seed)

    def __call__(self, batch: Batch) -> Tensor:
        return colour(self.mel(batch.inputs), self.microphones)


def _normalize(model: nn.Module, strings: Strings, mel: BatchMel) -> None:
    heard = [mel(b.inputs).flatten(0, 1) for b, _ in zip(strings.epoch(8, ALL_DIGITS), range(30), strict=False)]
    mean, scale = normalization(torch.cat(heard)[None])
    model.mean.copy_(mean)
    model.scale.copy_(scale)


def _batches(labels: Sequence[Sequence[int]], most_digits: int, batch_size: int) -> int:
    return sum(len(label) <= most_digits for label in labels) // batch_size


def main(fresh: Callable[[], nn.Module], weights: Path, epochs: int, seed: int, rate: float) -> None:
    """The command line of a training script, with its defaults."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=epochs)
    parser.add_argument("--batch-size", type=int, default=24)
    parser.add_argument("--seed", type=int, default=seed)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rate", type=float, default=rate, help="highest learning rate of the cycle")
    parser.add_argument("--weights", type=Path, default=weights, help="written after every epoch")
    parser.add_argument("--resume", action="store_true", help="go on from these weights with a new cycle")
    given = vars(parser.parse_args())
    resume = given.pop("resume")
    course = Course(**given, lessons=() if resume else LESSONS)
    train(fresh, corpora.training(), course, load_file(course.weights) if resume else None)
