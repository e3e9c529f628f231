"""Train the swipe-typing model: ``python -m orchestrator.make.models.reference.gesture_rnnt.train``.

Needs the ``train`` extra; about 4 minutes an epoch on one core. Writes its weights after every epoch.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from orchestrator.make.models.reference.gesture_rnnt.corpus import Swipe, Swipes, padded
from orchestrator.make.models.reference.gesture_rnnt.layout import BLANK
from orchestrator.make.models.reference.gesture_rnnt.model import STACK, WEIGHTS, SwipeTransducer, load, save
from orchestrator.make.models.reference.rnnt import rnnt_loss

CTC_WEIGHT = 0.3
# CTC alone first: it costs a third, and a transducer that starts from its alignment learns at once.
CTC_ALONE = 0.1


def losses(model: SwipeTransducer, swipes: Sequence[Swipe], ctc_alone: bool) -> tuple[Tensor, Tensor]:
    """(transducer, CTC) in nats per letter; the first is zero with ``ctc_alone``."""
    features, labels = (torch.from_numpy(a) for a in padded(swipes))
    frame_counts = torch.tensor([len(s.features) // STACK for s in swipes])
    label_counts = torch.tensor([len(s.labels) for s in swipes])
    frames = model.encoder(features, *model.encoder.fresh_state(len(swipes)))[0]
    log_p = functional.log_softmax(model.ctc(frames), dim=-1).transpose(0, 1)
    letters = label_counts.sum()
    ctc = functional.ctc_loss(
        log_p, labels, frame_counts, label_counts, blank=BLANK, reduction="sum", zero_infinity=True
    )
    if ctc_alone:
        return torch.zeros(()), ctc / letters
    lattice = model.step.lattice(frames, labels, BLANK)
    return rnnt_loss(lattice, labels, frame_counts, label_counts, BLANK).sum() / letters, ctc / letters


def train(epochs: int, batch_size: int, seed: int, threads: int, rate: float, weights: Path, resume: bool) -> None:
    """One learning-rate cycle over ``epochs``."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    model = load(weights) if resume else SwipeTransducer()
    swipes = Swipes(seed)
    batches = len(swipes.words) // batch_size
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=rate, total_steps=epochs * (batches + 1), pct_start=0.1
    )
    alone = 0 if resume else int(CTC_ALONE * epochs * batches)
    done = 0
    for epoch in range(epochs):
        began_s, totals, count = time.monotonic(), [0.0, 0.0], 0
        model.train()
        for batch in swipes.epoch(batch_size):
            transducer, ctc = losses(model, batch, done < alone)
            optimizer.zero_grad(set_to_none=True)
            (transducer + (CTC_WEIGHT if done >= alone else 1.0) * ctc).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            schedule.step()
            totals = [t + float(x.detach()) for t, x in zip(totals, (transducer, ctc), strict=True)]
            count, done = count + 1, done + 1
            if count % 100 == 0:
                print(f"  {done} rnnt {totals[0] / count:.4f} ctc {totals[1] / count:.4f}", flush=True)
        save(model, weights)
        mean = [t / count for t in totals]
        spent_s = time.monotonic() - began_s
        print(f"epoch {epoch + 1}/{epochs} rnnt {mean[0]:.4f} ctc {mean[1]:.4f} {spent_s:.0f} s", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--epochs", type=int, default=9)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate of the cycle")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="written after every epoch")
    parser.add_argument("--resume", action="store_true", help="go on from these weights with a new cycle")
    train(**vars(parser.parse_args()))
