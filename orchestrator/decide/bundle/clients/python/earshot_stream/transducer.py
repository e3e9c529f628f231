"""Searches over a transducer, whose second graph is asked one symbol further for all hypotheses in one call."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .decoder import Heard
from .graphs import Graph

States = tuple[NDArray[Any], ...]


class Step:
    """Prediction net and joint in one: (token before, frame, states) of each hypothesis to (log probabilities, states
    after). ``spec``: ``search`` of the contract, whose shapes are those of one hypothesis."""

    def __init__(self, spec: dict[str, Any], graph: Graph) -> None:
        self.spec, self.graph = spec, graph

    def fresh(self) -> States:
        return tuple(np.full(s["shape"][1:], s["initial"], s["dtype"]) for s in self.spec["states"])

    def ask(
        self, tokens: list[int], states: list[States], frame: NDArray[Any]
    ) -> tuple[NDArray[np.float64], list[States]]:
        spec, count = self.spec, len(tokens)
        # Rows behind those that are asked for are computed and not read.
        idle = spec["batch"] - count if self.graph.fixed else 0
        inputs = {
            spec["token"]["name"]: np.array(tokens + idle * tokens[:1], spec["token"]["dtype"]),
            spec["frame"]["name"]: np.repeat(frame[None].astype(spec["frame"]["dtype"]), count + idle, axis=0),
        }
        for kept, *columns in zip(spec["states"], *states, *(idle * states[:1]), strict=True):
            inputs[kept["input"]] = np.stack(columns)
        out = self.graph.run(inputs)
        logits = out[spec["logits"]["name"]][:count].astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return logits, [tuple(out[s["output"]][row] for s in spec["states"]) for row in range(count)]


class GreedyRnnt:
    """The best symbol of each frame until it is the blank, at most ``max_symbols`` of them."""

    ended = False

    def __init__(self, spec: dict[str, Any], step: Step) -> None:
        self.spec, self.step = spec, step
        self.token, self.states, self.frame = spec["blank"], step.fresh(), 0

    def push(self, rows: NDArray[Any]) -> list[Heard]:
        found = []
        for row in rows:
            for _ in range(self.spec["max_symbols"]):
                log_p, after = self.step.ask([self.token], [self.states], row)
                best = int(log_p[0].argmax())
                if best == self.spec["blank"]:
                    break
                self.token, self.states = best, after[0]
                found.append(Heard(self.spec["labels"][best], self.frame, float(np.exp(log_p[0, best]))))
            self.frame += 1
        return found

    def finish(self) -> list[Heard]:
        return []


@dataclass
class Hypothesis:
    """``symbols``: (label, its probability), since the last that all hypotheses share."""

    log_p: float
    symbols: tuple[tuple[int, float], ...]
    token: int
    states: States

    @property
    def text(self) -> tuple[int, ...]:
        return tuple(label for label, _ in self.symbols)


Found = dict[tuple[int, ...], Hypothesis]


class BeamRnnt:
    """In each frame every hypothesis may stay or grow by up to ``max_symbols`` symbols; those with the same text are
    one, with their probabilities added. A symbol is told as soon as all hypotheses have it."""

    ended = False

    def __init__(self, spec: dict[str, Any], step: Step) -> None:
        self.spec, self.step, self.frame = spec, step, 0
        self.beam = [Hypothesis(0.0, (), spec["blank"], step.fresh())]

    def push(self, rows: NDArray[Any]) -> list[Heard]:
        found = []
        for row in rows:
            self.beam = self._after(row)
            found += self._settled()
            self.frame += 1
        return found

    def finish(self) -> list[Heard]:
        """The symbols of the best hypothesis that were not settled yet."""
        return [self._heard(symbol, max(0, self.frame - 1)) for symbol in self.beam[0].symbols]

    def _after(self, row: NDArray[Any]) -> list[Hypothesis]:
        width, most = self.spec["beam"], self.spec["max_symbols"]
        stayed: Found = {}
        growing = self.beam
        for grown in range(most + 1):
            log_p, after = self.step.ask([h.token for h in growing], [h.states for h in growing], row)
            for of, hypothesis in zip(log_p, growing, strict=True):
                _merge(stayed, hypothesis, hypothesis.log_p + float(of[self.spec["blank"]]))
            if grown < most:
                best = sorted((h.log_p for h in stayed.values()), reverse=True)
                growing = self._grown(growing, log_p, after, best[width - 1] if len(best) >= width else -np.inf)
            if not growing:
                break
        return sorted(stayed.values(), key=lambda h: -h.log_p)[:width]

    def _grown(
        self, growing: list[Hypothesis], log_p: NDArray[Any], after: list[States], least: float
    ) -> list[Hypothesis]:
        """The best ways to grow by one symbol that are better than ``least``."""
        totals = np.array([h.log_p for h in growing])[:, None] + log_p
        totals[:, self.spec["blank"]] = -np.inf
        found: Found = {}
        for place in np.argsort(-totals, axis=None, kind="stable")[: self.spec["beam"]].tolist():
            row, label = divmod(place, totals.shape[1])
            if totals[row, label] <= least:
                break
            symbols = (*growing[row].symbols, (label, float(np.exp(log_p[row, label]))))
            total = float(totals[row, label])
            _merge(found, Hypothesis(total, symbols, label, after[row]), total)
        return list(found.values())

    def _settled(self) -> list[Heard]:
        first, *others = [h.symbols for h in self.beam]
        shared = 0
        while shared < len(first) and all(len(o) > shared and o[shared][0] == first[shared][0] for o in others):
            shared += 1
        # Only differences matter, and a stream has no end.
        best = self.beam[0].log_p
        for hypothesis in self.beam:
            hypothesis.symbols, hypothesis.log_p = hypothesis.symbols[shared:], hypothesis.log_p - best
        return [self._heard(symbol, self.frame) for symbol in first[:shared]]

    def _heard(self, symbol: tuple[int, float], frame: int) -> Heard:
        return Heard(self.spec["labels"][symbol[0]], frame, symbol[1])


def _merge(found: Found, hypothesis: Hypothesis, log_p: float) -> None:
    """Another way to the same text: probabilities add up, and the likelier way tells the symbols."""
    known = found.get(hypothesis.text)
    if known is None:
        found[hypothesis.text] = Hypothesis(log_p, hypothesis.symbols, hypothesis.token, hypothesis.states)
        return
    if log_p > known.log_p:
        known.symbols = hypothesis.symbols
    known.log_p = float(np.logaddexp(known.log_p, log_p))
