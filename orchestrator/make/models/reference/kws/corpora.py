"""Which utterances the keyword spotter trains on."""

import numpy as np

from orchestrator.make.models.reference import speech
from orchestrator.make.models.reference.kws import words

PER_KEYWORD = 700
PER_OTHER = 22
PER_SENTENCE = 25
SINGLE = (0, 0)
CONTINUOUS = (0, 3)


def training(seed: int = 1, share: float = 1.0) -> speech.Corpus:
    """Keywords, other words and sentences by the training speakers in the training accents; ``share`` of them all."""
    rng = np.random.default_rng(seed)
    plan = [(w, PER_KEYWORD, SINGLE) for w in words.KEYWORDS]
    plan += [(w, PER_OTHER, SINGLE) for w in words.TRAIN_OTHERS]
    plan += [(s, PER_SENTENCE, CONTINUOUS) for s in words.SENTENCES]
    return speech.corpus(
        [
            speech.draw(rng, text, speech.TRAIN_ACCENTS, speech.TRAIN_SPEAKERS, gaps)
            for text, count, gaps in plan
            for _ in range(max(1, round(count * share)))
        ]
    )
