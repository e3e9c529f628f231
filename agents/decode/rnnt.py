"""Greedy search over a transducer (Graves, arXiv:1211.3711): the best symbol of each frame until it is the blank."""

import math
from typing import Any, List

import numpy as np
from numpy.typing import NDArray

from agents.contract import Decoder
from agents.decode.result import Decoded, Event
from agents.decode.step_graph import Search


class GreedyRnnt:
    """At most ``max_symbols`` symbols come from a frame. An event's score is the softmax of its symbol."""

    ended = False

    def __init__(self, decoder: Decoder, search: Search) -> None:
        require_blank(decoder)
        self._decoder, self._search, self._step = decoder, search.contract, search.step
        step = search.step
        # First rows: views, so that writing and reading a hypothesis makes no array.
        self._frame, self._logits = step.frames[0], step.logits[0]
        self._states = [(step.states_in[s.input][0], step.states_out[s.input][0]) for s in search.contract.states]
        self._kept = [np.array(read) for read, _ in self._states]
        self.reset()

    def reset(self) -> None:
        self._token = self._decoder.blank
        for kept, state in zip(self._kept, self._search.states):
            kept.fill(state.initial)
        self._at = 0
        self._events: List[Event] = []

    def push(self, outputs: NDArray[Any]) -> None:
        self._take_over()
        for frame in outputs.reshape(-1, outputs.shape[-1]):
            self._frame[:] = frame
            for _ in range(self._decoder.max_symbols):
                self._step.run(1)
                best = int(self._logits.argmax())
                if best == self._decoder.blank:
                    break
                self._emit(best)
            self._at += 1

    def _take_over(self) -> None:
        """The inputs as this stream left them: another one may have asked the graph since."""
        self._step.tokens[0] = self._token
        for (read, _), kept in zip(self._states, self._kept):
            read[...] = kept

    def _emit(self, symbol: int) -> None:
        self._token = symbol
        self._step.tokens[0] = symbol
        for (read, written), kept in zip(self._states, self._kept):
            read[...] = written
            kept[...] = written
        values = self._logits.tolist()
        score = 1.0 / sum(math.exp(v - values[symbol]) for v in values)
        # Nothing is waited for: the frame that says so is the event.
        label = self._decoder.labels[symbol]
        self._events.append({"label": label, "frame": self._at, "score": score, "heard_frame": self._at})

    def finish(self) -> Decoded:
        return heard(self._events)


def require_blank(decoder: Decoder) -> None:
    if not 0 <= decoder.blank < len(decoder.labels):
        raise ValueError(f"blank must be an index into {len(decoder.labels)} labels, got {decoder.blank}")


def heard(events: List[Event]) -> Decoded:
    text = " ".join(e["label"] for e in events)
    return {"kind": "rnnt", "events": list(events), "label": None, "text": text, "posteriors": None}
