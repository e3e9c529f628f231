"""Batches to fine-tune the QuartzNet on. Needs torch and espeak-ng."""

from collections.abc import Iterator
from functools import partial

from torch import Tensor

from orchestrator.make.models.reference.ctc_training import Ear, ctc_loss
from orchestrator.make.models.reference.digit_strings import ALL_DIGITS, Batch, Strings
from orchestrator.make.models.reference.digits_lstm import corpora
from orchestrator.make.models.reference.digits_quartznet.model import QuartzNet
from orchestrator.make.train.lessons import Lesson

BATCH = 16
# Who only fine-tunes need not wait for the seven thousand of the training set.
STRINGS = 1500


def lessons(seed: int) -> Iterator[Lesson]:
    """Strings of all lengths as in training."""
    strings = Strings(corpora.training(count=STRINGS), seed)
    hear = Ear(strings, seed)
    caches = QuartzNet().fresh_state(BATCH)
    while True:
        for batch in strings.epoch(BATCH, ALL_DIGITS):
            yield Lesson((hear(batch), *caches), partial(_loss, batch))


def _loss(batch: Batch, outputs: tuple[Tensor, ...]) -> Tensor:
    return ctc_loss(outputs[0], batch)
