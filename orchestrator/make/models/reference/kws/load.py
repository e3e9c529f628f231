"""The keyword spotter as it is shipped. Needs torch."""

import math

import torch

from orchestrator.make.models.reference.kws.model import KeywordSpotter
from orchestrator.make.models.reference.kws.prior import UNKNOWN, unknown_prior_ratio
from orchestrator.make.models.reference.weights import committed


def load() -> KeywordSpotter:
    """With the committed weights, and its training's prior for "unknown" taken off (``prior.unknown_prior_ratio``)."""
    module = committed(KeywordSpotter(), "kws")
    with torch.no_grad():
        module.head.bias[UNKNOWN] -= math.log(unknown_prior_ratio())
    return module
