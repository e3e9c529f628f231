"""Batches to fine-tune the keyword spotter on. Needs torch and espeak-ng."""

import math
from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from agents.contract import Frontend
from orchestrator.make.models.reference.batch_mel import colour, matching_mel
from orchestrator.make.models.reference.kws import corpora, words
from orchestrator.make.models.reference.kws.model import KeywordSpotter
from orchestrator.make.models.reference.kws.prior import UNKNOWN, unknown_prior_ratio
from orchestrator.make.models.reference.kws.train import Segments, loss_of
from orchestrator.make.models.reference.speech import SAMPLE_RATE_HZ
from orchestrator.make.train.lessons import Lesson

BATCH = 8
# Of the training set: who only fine-tunes need not wait for twelve thousand utterances.
SHARE = 0.15


def lessons(seed: int) -> Iterator[Lesson]:
    """Segments as in training; the loss puts the prior back that the shipped module lacks (``prior``)."""
    segments = Segments(corpora.training(share=SHARE), seed)
    microphones = torch.Generator().manual_seed(seed)
    mel = matching_mel(Frontend("log-mel"), SAMPLE_RATE_HZ, segments.batch(4)[0])
    caches = KeywordSpotter().fresh_caches(BATCH)
    prior = torch.zeros(len(words.LABELS))
    prior[UNKNOWN] = math.log(unknown_prior_ratio())

    def loss(target: Tensor, outputs: tuple[Tensor, ...]) -> Tensor:
        return loss_of(outputs[0] + prior, target)

    while True:
        samples, target = segments.batch(BATCH)
        yield Lesson((colour(mel(samples), microphones), *caches), partial(loss, target))
