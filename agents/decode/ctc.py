"""Greedy CTC: the best class of each frame, repeats merged, blanks dropped (Graves et al., ICML 2006)."""

import math
from typing import Any, List

from numpy.typing import NDArray

from agents.contract import Decoder
from agents.decode.result import Decoded, Event


class GreedyCtc:
    """Carries the last class over chunk borders. An event's score is the softmax of its class in its first frame."""

    ended = False

    def __init__(self, decoder: Decoder) -> None:
        if not 0 <= decoder.blank < len(decoder.labels):
            raise ValueError(f"blank must be an index into {len(decoder.labels)} labels, got {decoder.blank}")
        self._labels = decoder.labels
        self._blank = decoder.blank
        self.reset()

    def reset(self) -> None:
        self._last = self._blank
        self._frame = 0
        self._events: List[Event] = []

    def push(self, outputs: NDArray[Any]) -> None:
        frames = outputs.reshape(-1, len(self._labels))
        for row, best in zip(frames, frames.argmax(axis=1).tolist()):
            if best != self._last and best != self._blank:
                self._emit(best, row)
            self._last = best
            self._frame += 1

    def _emit(self, best: int, logits: NDArray[Any]) -> None:
        values = logits.tolist()
        score = 1.0 / sum(math.exp(v - values[best]) for v in values)
        # Nothing is waited for: the frame that says so is the event.
        event: Event = {"label": self._labels[best], "frame": self._frame, "score": score, "heard_frame": self._frame}
        self._events.append(event)

    def finish(self) -> Decoded:
        text = " ".join(e["label"] for e in self._events)
        return {"kind": "ctc", "events": list(self._events), "label": None, "text": text, "posteriors": None}
