"""Beam search over a transducer, frame by frame, with all hypotheses in one call of the step graph."""

from dataclasses import dataclass
from typing import Any, Dict, List, Tuple

import numpy as np
from numpy.typing import NDArray

from agents.contract import Decoder
from agents.decode.result import Decoded, Event
from agents.decode.rnnt import heard, require_blank
from agents.decode.step_graph import Search

# Of a symbol: itself, the frame that gave it, its probability there.
Symbol = Tuple[int, int, float]


@dataclass
class Hypothesis:
    """``symbols``: since the last that all hypotheses share. ``token`` and ``states`` are what the step graph is asked
    with next; ``log_p`` the log probability of all alignments that were found for it."""

    log_p: float
    symbols: Tuple[Symbol, ...]
    token: int
    states: List[NDArray[Any]]

    @property
    def text(self) -> Tuple[int, ...]:
        return tuple(symbol for symbol, _, _ in self.symbols)


class BeamRnnt:
    """In each frame every hypothesis may stay (blank) or grow by up to ``max_symbols`` symbols; those with the same
    text are one, with their probabilities added (Graves, arXiv:1211.3711, with the growth within a frame bounded).

    A symbol is an event as soon as all hypotheses of the beam have it: ``heard_frame`` is the frame that gave it,
    ``frame`` the one that settled it. What is not settled at the end comes from the best hypothesis.
    """

    ended = False

    def __init__(self, decoder: Decoder, search: Search) -> None:
        require_blank(decoder)
        self._decoder, self._contract, self._step = decoder, search.contract, search.step
        self._names = [s.input for s in search.contract.states]
        self.reset()

    def reset(self) -> None:
        states = [np.full(s.shape[1:], s.initial, s.dtype) for s in self._contract.states]
        self._beam = [Hypothesis(0.0, (), self._decoder.blank, states)]
        self._at = 0
        self._events: List[Event] = []

    def push(self, outputs: NDArray[Any]) -> None:
        for frame in outputs.reshape(-1, outputs.shape[-1]):
            self._beam = self._after(frame)
            self._settle()
            self._at += 1

    def _after(self, frame: NDArray[Any]) -> List[Hypothesis]:
        stayed: Dict[Tuple[int, ...], Hypothesis] = {}
        growing = self._beam
        for grown in range(self._decoder.max_symbols + 1):
            log_p = self._ask(growing, frame)
            for row, hypothesis in enumerate(growing):
                _merge(stayed, hypothesis, hypothesis.log_p + float(log_p[row, self._decoder.blank]))
            if grown < self._decoder.max_symbols:
                growing = self._grown(growing, log_p, _least(stayed, self._decoder.beam))
            if not growing:
                break
        return sorted(stayed.values(), key=lambda h: -h.log_p)[: self._decoder.beam]

    def _ask(self, hypotheses: List[Hypothesis], frame: NDArray[Any]) -> NDArray[np.float64]:
        """Log probabilities, shape (hypotheses, labels)."""
        step, count = self._step, len(hypotheses)
        step.frames[:count] = frame
        for row, hypothesis in enumerate(hypotheses):
            step.tokens[row] = hypothesis.token
            for name, values in zip(self._names, hypothesis.states):
                step.states_in[name][row] = values
        step.run(count)
        logits = step.logits[:count].astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return logits

    def _grown(self, hypotheses: List[Hypothesis], log_p: NDArray[np.float64], least: float) -> List[Hypothesis]:
        """The best ways to grow by one symbol that are still better than ``least``; the step graph holds the states."""
        totals = np.array([h.log_p for h in hypotheses])[:, None] + log_p
        totals[:, self._decoder.blank] = -np.inf
        labels = totals.shape[1]
        order = np.argsort(-totals, axis=None, kind="stable")[: self._decoder.beam].tolist()
        found: Dict[Tuple[int, ...], Hypothesis] = {}
        for place in order:
            row, symbol = divmod(place, labels)
            total = float(totals[row, symbol])
            if total <= least:
                break
            said = (symbol, self._at, float(np.exp(log_p[row, symbol])))
            states = [self._step.states_out[name][row].copy() for name in self._names]
            _merge(found, Hypothesis(total, (*hypotheses[row].symbols, said), symbol, states), total)
        return list(found.values())

    def _settle(self) -> None:
        first, *others = [h.symbols for h in self._beam]
        shared = 0
        while shared < len(first) and all(len(o) > shared and o[shared][0] == first[shared][0] for o in others):
            shared += 1
        if shared:
            self._events += [self._event(symbol, self._at) for symbol in first[:shared]]
            for hypothesis in self._beam:
                hypothesis.symbols = hypothesis.symbols[shared:]
        # Only differences matter, and a stream has no end.
        best = self._beam[0].log_p
        for hypothesis in self._beam:
            hypothesis.log_p -= best

    def _event(self, symbol: Symbol, frame: int) -> Event:
        label, given, score = symbol
        return {"label": self._decoder.labels[label], "frame": frame, "score": score, "heard_frame": given}

    def finish(self) -> Decoded:
        last = max(0, self._at - 1)
        return heard([*self._events, *(self._event(symbol, last) for symbol in self._beam[0].symbols)])


def _merge(found: Dict[Tuple[int, ...], Hypothesis], hypothesis: Hypothesis, log_p: float) -> None:
    """Another way to the same text: probabilities add up; when the symbols came is told by the likelier way."""
    known = found.get(hypothesis.text)
    if known is None:
        found[hypothesis.text] = Hypothesis(log_p, hypothesis.symbols, hypothesis.token, hypothesis.states)
        return
    if log_p > known.log_p:
        known.symbols = hypothesis.symbols
    known.log_p = float(np.logaddexp(known.log_p, log_p))


def _least(stayed: Dict[Tuple[int, ...], Hypothesis], beam: int) -> float:
    """What a hypothesis must exceed to be among the beam's; nothing as long as there is room."""
    if len(stayed) < beam:
        return -np.inf
    return sorted((h.log_p for h in stayed.values()), reverse=True)[beam - 1]
