"""The words of an evaluation set as what sessions are recorded with, so that the ledger alone says what was spoken."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents import wire
from orchestrator.make.quality.evaluation import EvaluationSet


@dataclass(frozen=True, eq=False)
class SpokenWords:
    """``of_spans``: the array ``domain.perceived.WORDS`` of an evaluate session, int64, shape (words, 4)."""

    of_spans: NDArray[np.int64]
    spans: tuple[wire.Span, ...]
    sample_rate_hz: int

    def of_stream(self, samples: int) -> NDArray[np.int64]:
        """The same of one stream of so many samples, in which the utterances follow each other again and again; only
        words that end within it.
        """
        loop_ns, stream_ns = self._ns(sum(span.count for span in self.spans)), self._ns(samples)
        begins_ns = np.array([self._ns(span.start) for span in self.spans], dtype=np.int64)
        once = self.of_spans.copy()
        once[:, 2:] += begins_ns[once[:, 0], None]
        once[:, 0] = 0
        loops = [np.add(once, (0, 0, at_ns, at_ns)) for at_ns in range(0, stream_ns, loop_ns)]
        words = np.concatenate(loops)
        return words[words[:, 3] <= stream_ns]

    def _ns(self, samples: int) -> int:
        return samples * 1_000_000_000 // self.sample_rate_hz


def spoken_words(evaluation: EvaluationSet, split: str, labels: Sequence[str]) -> SpokenWords | None:
    """None where no utterance of the split says when its words end."""
    rows = [
        (span, labels.index(word.label) if word.label in labels else -1, *_ns(word.start_s, word.end_s))
        for span, utterance in enumerate(evaluation.utterances_of(split))
        for word in utterance.events
    ]
    if not rows:
        return None
    return SpokenWords(np.array(rows, dtype=np.int64), evaluation.spans(split), evaluation.sample_rate_hz)


def _ns(*seconds: float) -> tuple[int, ...]:
    return tuple(round(each * 1e9) for each in seconds)
