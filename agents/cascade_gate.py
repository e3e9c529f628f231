"""Where speech is: the probabilities of the first stage of a cascade, one a chunk, made into utterances."""

from typing import Any, Callable, Optional, Tuple

import numpy as np
from numpy.typing import NDArray

from agents import wire
from agents.backends.base import Backend
from agents.contract import StreamContract
from agents.decode.keyword import LARGEST_LOGIT
from agents.failure import Failure


def speech_probability(contract: StreamContract, backend: Backend) -> Callable[[], float]:
    """That of the chunk that was computed last: of its frame with the most speech.

    A ``vad`` decoder's graph says it, and so does one without decoder that gives one figure a chunk; of a keyword
    spotter it is all that is not its background. Raises Failure "contract-mismatch" for any other.
    """
    decoder = contract.decoder
    if decoder.kind == "vad" or (decoder.kind == "none" and backend.outputs[0].size == 1):
        return lambda: float(backend.outputs[0].max())
    if decoder.kind == "keyword" and decoder.ignored:
        background = decoder.labels.index(decoder.ignored[-1])
        return lambda: 1.0 - float(_softmax(backend.outputs[0], len(decoder.labels))[:, background].min())
    raise Failure(
        "contract-mismatch",
        f"{contract.model} does not say where speech is: a cascade begins with a voice activity detector "
        "(decoder vad), or a keyword spotter with a label for silence",
    )


def _softmax(logits: NDArray[Any], classes: int) -> NDArray[np.float64]:
    scaled = np.exp(np.clip(logits.reshape(-1, classes).astype(np.float64), -LARGEST_LOGIT, LARGEST_LOGIT))
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True))


class Gate:
    """Opens and closes utterances. Positions are in samples of the stream."""

    def __init__(self, cascade: wire.Cascade, chunk_samples: int, sample_rate_hz: int) -> None:
        chunk_ns = chunk_samples * 1_000_000_000 // sample_rate_hz
        self._threshold, self._release = cascade.threshold, cascade.release
        self._hangover = -(-cascade.hangover_ns // chunk_ns)
        self._pre_roll = cascade.pre_roll_ns * sample_rate_hz // 1_000_000_000
        self._size = chunk_samples
        self._quiet, self._heard_until, self.is_open = 0, 0, False

    def push(self, number: int, probability: float) -> Optional[Tuple[str, int]]:
        """What chunk ``number`` did: ("open", first sample of the utterance), ("close", the sample after its last), or
        nothing. No sample is of two utterances.
        """
        if not self.is_open:
            if probability < self._threshold:
                return None
            self.is_open, self._quiet = True, 0
            return "open", max(self._heard_until, number * self._size - self._pre_roll)
        self._quiet = self._quiet + 1 if probability < self._release else 0
        if self._quiet < self._hangover:
            return None
        self.is_open, self._heard_until = False, (number + 1) * self._size
        return "close", self._heard_until
