"""Train the digit transducer: ``python -m orchestrator.make.models.reference.digits_conformer.train``.

Needs the ``train`` extra and espeak-ng. The learning rate follows the clock: training ends when its minutes are over.
Weights are written after every epoch.
"""

import argparse
import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from orchestrator.make.models import reference
from orchestrator.make.models.reference.batch_mel import BatchMel, colour, normalization
from orchestrator.make.models.reference.ctc_training import aligned_loss, ctc_loss
from orchestrator.make.models.reference.digit_strings import ALL_DIGITS, Batch
from orchestrator.make.models.reference.digits_conformer import corpora
from orchestrator.make.models.reference.digits_conformer.corpora import Features
from orchestrator.make.models.reference.digits_conformer.model import (
    BLANK,
    LABELS,
    STACK,
    WEIGHTS,
    DigitTransducer,
    load,
    save,
)
from orchestrator.make.models.reference.rnnt import greedy, rnnt_loss
from orchestrator.make.models.reference.score import items
from orchestrator.make.models.reference.speech import SAMPLE_RATE_HZ
from orchestrator.make.quality import metrics

# As in ctc_training, single digits whose end is known come first, told to the encoder frame by frame.
SINGLE_DIGIT_EPOCHS = 8
LABEL_STEPS = (-2, 1)
LESSONS = (*[1] * SINGLE_DIGIT_EPOCHS, 2, 3, 4)
# The encoder's own loss beside the transducer's (arXiv:1609.06773 mixes two losses alike).
CTC_SHARE = 0.3
WARM_UP = 0.06
CLIPPED_NORM = 2.0


@dataclass(frozen=True)
class Settings:
    """How long and how training goes."""

    minutes: float
    batch_size: int
    seed: int
    rate: float
    bfloat16: bool

    def rate_at(self, share: float) -> float:
        """Learning rate when ``share`` of the minutes is over: a short rise, then half a cosine down to 0."""
        if share < WARM_UP:
            return self.rate * (share / WARM_UP + 0.02)
        return self.rate * 0.5 * (1 + math.cos(math.pi * min(1.0, (share - WARM_UP) / (1 - WARM_UP))))


def losses(model: DigitTransducer, frames: Tensor, batch: Batch, bfloat16: bool) -> tuple[Tensor, Tensor]:
    """(of the transducer, of the encoder's head), both per label."""
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        encoded = model.encoder(frames, *model.encoder.fresh_state(len(frames)))[0]
    encoded = encoded.float()
    labels = pad_sequence(batch.labels.split(batch.label_counts.tolist()), batch_first=True, padding_value=BLANK)
    transducer = rnnt_loss(model.step.lattice(encoded, labels), labels, batch.step_counts, batch.label_counts, BLANK)
    told = model.ctc(encoded)
    of_head = aligned_loss(told, batch, LABEL_STEPS) if labels.shape[1] == 1 else ctc_loss(told, batch)
    return (transducer / batch.label_counts).mean(), of_head


@torch.no_grad()  # type: ignore[untyped-decorator]
def word_error_rate(model: DigitTransducer, split: str) -> float:
    """Greedy, each string of the evaluation set in one call, in float32."""
    model.eval()
    mel = BatchMel(corpora.FRONTEND, SAMPLE_RATE_HZ)
    clips = items(reference.manifest_path("digits-lstm"), split)
    heard = []
    for clip in clips:
        frames = mel(torch.from_numpy(clip.samples / 32768.0).float()[None])
        frames = frames[:, : frames.shape[1] // STACK * STACK]
        encoded = model.encoder(frames, *model.encoder.fresh_state())[0]
        tokens = greedy(model.step, encoded, torch.tensor([encoded.shape[1]]), blank=BLANK)[0]
        heard.append(" ".join(LABELS[t] for t in tokens))
    return metrics.wer([c.row["text"] for c in clips], heard).rate


def normalize(model: DigitTransducer, strings: Features) -> None:
    """Give the encoder the mean and spread of the first features."""
    heard = [b.inputs.flatten(0, 1) for b, _ in zip(strings.epoch(8, 1), range(60), strict=False)]
    mean, scale = normalization(torch.cat(heard)[None])
    model.encoder.mean.copy_(mean)
    model.encoder.scale.copy_(scale)


def train(settings: Settings, weights: Path, resume: bool) -> None:
    """Train from scratch, or go on from ``weights`` with a new cycle."""
    torch.set_num_threads(1)
    torch.manual_seed(settings.seed)
    voices = torch.Generator().manual_seed(settings.seed)
    strings = Features(corpora.training(), settings.seed)
    model = load(weights) if resume else DigitTransducer()
    if not resume:
        normalize(model, strings)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0, betas=(0.9, 0.98), weight_decay=1e-2)
    began_s, epoch, share = time.monotonic(), 0, 0.0
    while share < 1.0:
        most = LESSONS[epoch] if epoch < len(LESSONS) and not resume else ALL_DIGITS
        model.train()
        told = []
        for batch in strings.epoch(settings.batch_size, most):
            share = (time.monotonic() - began_s) / (60 * settings.minutes)
            if share >= 1.0:
                break
            told.append(step(model, optimizer, batch, colour(batch.inputs, voices), settings, share))
        epoch += 1
        save(model, weights)
        at_s = time.monotonic() - began_s
        print(f"epoch {epoch} of {most} digits: {_told(model, told, most)}, {at_s:.0f} s", flush=True)


def _told(model: DigitTransducer, epoch: list[tuple[float, float]], most_digits: int) -> str:
    if not epoch:
        return "no time left"
    transducer, ctc = (sum(column) / len(column) for column in zip(*epoch, strict=True))
    text = f"loss {transducer:.4f}, of the encoder's head {ctc:.4f}"
    return text if most_digits == 1 else f"{text}, calibration WER {word_error_rate(model, 'calibration'):.4f}"


def step(
    model: DigitTransducer,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    frames: Tensor,
    settings: Settings,
    share: float,
) -> tuple[float, float]:
    """One step of the optimizer; both losses before it."""
    for group in optimizer.param_groups:
        group["lr"] = settings.rate_at(share)
    transducer, ctc = losses(model, frames, batch, settings.bfloat16)
    optimizer.zero_grad(set_to_none=True)
    (transducer + CTC_SHARE * ctc).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), CLIPPED_NORM)
    optimizer.step()
    return float(transducer.detach()), float(ctc.detach())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=64.0)
    parser.add_argument("--batch-size", type=int, default=24)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--rate", type=float, default=1.2e-3, help="highest learning rate")
    parser.add_argument("--bfloat16", action="store_true", help="faster where the processor multiplies bfloat16")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="written after every epoch")
    parser.add_argument("--resume", action="store_true", help="go on from these weights with a new cycle")
    given = vars(parser.parse_args())
    path, again = given.pop("weights"), given.pop("resume")
    train(Settings(**given), path, again)
