"""Words of a lexicon, ranked by a transducer: a beam search over prefixes, hypotheses together in one call of the step.

Frame by frame and with the probabilities of all alignments of a prefix added (Graves, arXiv:1211.3711). Only prefixes
of words are followed, so a beam that is wide enough gives every word its exact probability.
"""

import math
from dataclasses import dataclass, field
from typing import Any, Dict, List, Tuple

import numpy as np
from numpy.typing import NDArray

from agents.contract import Decoder
from agents.decode.result import Decoded, Event, RankedWord
from agents.decode.step_graph import Search
from agents.decode.trie_lexicon import Lexicon, Position

# What is this many nats less likely is not worth a row of the step graph: one part in a million. It holds for prefixes
# against the best one, and for letters against all that may come next.
WORTH_NATS = 14.0
# Words told with an event: what a keyboard could show, and some more to judge the ranking by.
TOLD_WORDS = 8


@dataclass
class Prefix:
    """A hypothesis: where it is in the lexicon, and what the step graph is asked with.

    ``worth``: prior of the best word that it can become, weighted. ``log_p``: of all alignments up to a frame.
    ``stay``: log probability of the blank in this frame; ``grow``: of each letter that may follow, best first.
    """

    at: Position
    length: int
    token: int
    states: Tuple[NDArray[Any], ...]
    allowed: NDArray[np.bool_]
    worth: float
    log_p: float = -math.inf
    stay: float = 0.0
    grow: List[Tuple[int, float]] = field(default_factory=list)
    after: Tuple[NDArray[Any], ...] = ()


class TrieDecoder:
    """One word for each trace, told when the front end's phase (agents/touch.py) says that the finger was lifted.

    The score of a word is log P(word | trace) + ``prior_weight`` * log P(word). The event's ``words`` are the best of
    them, each with its share of the probability among those; its label is the first. A trace that leads to no word is
    no event. ``ended``: whether graph and front end are to start anew, for the next trace.
    """

    def __init__(self, decoder: Decoder, search: Search, lexicon: Lexicon) -> None:
        if search.phase_of is None:
            raise ValueError("the decoder trie needs a front end that tells when a trace ends, such as touch")
        self._decoder, self._contract, self._step = decoder, search.contract, search.step
        self._phase_of, self._lexicon = search.phase_of, lexicon
        self._names = [s.input for s in search.contract.states]
        self.reset()

    def reset(self) -> None:
        self.ended = False
        self._at = 0
        self._events: List[Event] = []
        self._begin()

    def _begin(self) -> None:
        states = tuple(np.full(s.shape[1:], s.initial, s.dtype) for s in self._contract.states)
        root = self._prefix(self._lexicon.start, 0, self._decoder.blank, states)
        root.log_p = 0.0
        self._beam = [root]

    def push(self, outputs: NDArray[Any]) -> None:
        frames = outputs.reshape(-1, outputs.shape[-1])
        phase = self._phase_of()
        if phase != "idle":
            for frame in frames:
                self._beam = self._after(frame)
        self._at += len(frames)
        self.ended = phase != "down"
        if phase == "lifted":
            self._tell()

    def finish(self) -> Decoded:
        """A trace that is not over yet is taken as if it were."""
        told = self._events + self._told(self._beam)
        text = " ".join(event["label"] for event in told)
        return {"kind": "trie", "events": told, "label": None, "text": text, "posteriors": None}

    def _tell(self) -> None:
        self._events += self._told(self._beam)
        self._begin()

    def _told(self, beam: List[Prefix]) -> List[Event]:
        """The words of the beam as an event, if there are any; the trace is all the frames that there were."""
        if len(beam) == 1 and beam[0].length == 0:
            return []
        weight, log_prior = self._decoder.prior_weight, self._lexicon.log_p
        scored = [(p.log_p + weight * prior, p.at) for p in beam for prior in [log_prior(p.at)] if prior > -math.inf]
        scored.sort(key=lambda s: (-s[0], s[1]))
        if not scored:
            return []
        shares = [math.exp(score - scored[0][0]) for score, _ in scored]
        words: List[RankedWord] = [
            {"word": self._lexicon.spelling(at), "score": share / sum(shares)}
            for (_, at), share in zip(scored[:TOLD_WORDS], shares)
        ]
        frame = max(0, self._at - 1)
        best = words[0]
        # Nothing is waited for but the end of the trace.
        return [{"label": best["word"], "frame": frame, "score": best["score"], "heard_frame": frame, "words": words}]

    def _after(self, frame: NDArray[Any]) -> List[Prefix]:
        """The beam after one more frame.

        In it a prefix may stay, or grow letter by letter: what grows is asked too, as long as it could still be among
        the best. How likely a prefix is before it stays is known when all that may grow into it are.
        """
        asked: Dict[Position, Prefix] = {p.at: p for p in self._beam}
        entered = {p.at: p.log_p for p in self._beam}
        new = self._beam
        while new:
            self._ask(new, frame)
            new = self._promising(asked, *self._flow(asked, entered))
            for prefix in new:
                asked[prefix.at] = prefix
        for prefix in asked.values():
            prefix.log_p += prefix.stay
        best = sorted(asked.values(), key=_value, reverse=True)[: self._decoder.beam]
        least = _value(best[0]) - WORTH_NATS
        # A graph that emits NaN must not stop a session here: it is told between chunks.
        return [p for p in best if _value(p) >= least] or best[:1]

    def _flow(
        self, asked: Dict[Position, Prefix], entered: Dict[Position, float]
    ) -> Tuple[Dict[Position, float], Dict[Position, Tuple[Prefix, int]]]:
        """Set each prefix's ``log_p`` before it stays, shorter ones first, from what they ``entered`` the frame with.

        Returns the log probabilities of all that were reached, and the parent and letter of those not asked yet.
        """
        total: Dict[Position, float] = dict(entered)
        unasked: Dict[Position, Tuple[Prefix, int]] = {}
        child = self._lexicon.child
        for prefix in sorted(asked.values(), key=_length):
            prefix.log_p = total[prefix.at]
            for label, log_p in prefix.grow:
                longer = child(prefix.at, label)
                known = total.get(longer)
                reached = prefix.log_p + log_p
                total[longer] = reached if known is None else _add(known, reached)
                if longer not in asked:
                    unasked[longer] = (prefix, label)
        return total, unasked

    def _promising(
        self,
        asked: Dict[Position, Prefix],
        reached: Dict[Position, float],
        grown: Dict[Position, Tuple[Prefix, int]],
    ) -> List[Prefix]:
        """New prefixes that may be among the best after this frame, the best first and at most a beam of them.

        A prefix can only lose by staying, so it must be better now than the beam's last is after that.
        """
        stayed = sorted((_value(p) + p.stay for p in asked.values()), reverse=True)
        least = stayed[0] - WORTH_NATS
        if len(stayed) >= self._decoder.beam:
            least = max(least, stayed[self._decoder.beam - 1])
        found = []
        for at, (parent, label) in grown.items():
            value = reached[at] + self._decoder.prior_weight * self._lexicon.best_log_p(at)
            if value > least:
                found.append((value, at, parent, label))
        found.sort(key=lambda f: (-f[0], f[1]))
        return [
            self._prefix(at, parent.length + 1, label, parent.after)
            for _, at, parent, label in found[: self._decoder.beam]
        ]

    def _prefix(self, at: Position, length: int, token: int, states: Tuple[NDArray[Any], ...]) -> Prefix:
        allowed = np.zeros(len(self._decoder.labels), dtype=np.bool_)
        if length < self._decoder.max_symbols:
            allowed[list(self._lexicon.children(at))] = True
        return Prefix(at, length, token, states, allowed, self._decoder.prior_weight * self._lexicon.best_log_p(at))

    def _ask(self, prefixes: List[Prefix], frame: NDArray[Any]) -> None:
        """Set what each prefix may do in this frame, and the states after its token."""
        step, count = self._step, len(prefixes)
        step.frames[:count] = frame
        step.tokens[:count] = [p.token for p in prefixes]
        for index, name in enumerate(self._names):
            rows = step.states_in[name]
            for row, prefix in enumerate(prefixes):
                rows[row] = prefix.states[index]
        step.run(count)
        after = [step.states_out[name][:count].copy() for name in self._names]
        log_p = _log_softmax(step.logits[:count])
        stay = log_p[:, self._decoder.blank].tolist()
        letters = np.where([p.allowed for p in prefixes], log_p, -np.inf)
        tried = min(self._decoder.prune, letters.shape[1])
        order = np.argsort(-letters, axis=1, kind="stable")[:, :tried]
        values = np.take_along_axis(letters, order, axis=1).tolist()
        for row, prefix in enumerate(prefixes):
            prefix.stay = stay[row]
            prefix.grow = [(k, v) for k, v in zip(order[row].tolist(), values[row]) if v > -WORTH_NATS]
            prefix.after = tuple(rows[row] for rows in after)


def _value(prefix: Prefix) -> float:
    """What a prefix is ranked by: what it has, and the best that it can still become."""
    return prefix.log_p + prefix.worth


def _length(prefix: Prefix) -> int:
    return prefix.length


def _add(a: float, b: float) -> float:
    """log(exp(a) + exp(b))."""
    high, low = (a, b) if a > b else (b, a)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))


def _log_softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    values = logits.astype(np.float64)
    values -= values.max(axis=1, keepdims=True)
    values -= np.log(np.exp(values).sum(axis=1, keepdims=True))
    return values
