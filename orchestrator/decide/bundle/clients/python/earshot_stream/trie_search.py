"""Words of a lexicon, ranked by a transducer: a beam search over prefixes, with all of them in one call of the step."""

import math
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from .decoder import Heard
from .touch import Touch
from .transducer import States, Step
from .trie import Lexicon, Position, added

# What is this many nats less likely is not worth a row of the step graph: one part in a million.
WORTH_NATS = 14.0
TOLD_WORDS = 8


@dataclass
class Prefix:
    """``worth``: prior of the best word that it can become, weighted. ``log_p``: of all alignments up to a frame.
    ``stay``: log probability of the blank in this frame; ``grow``: of each letter that may follow, best first."""

    at: Position
    length: int
    token: int
    states: States
    worth: float
    log_p: float = -math.inf
    stay: float = 0.0
    grow: list[tuple[int, float]] = field(default_factory=list)
    after: States = ()

    @property
    def value(self) -> float:
        return self.log_p + self.worth


class TrieSearch:
    """One word for each trace, told when the finger was lifted. Only prefixes of words are followed."""

    def __init__(self, spec: dict[str, Any], step: Step, lexicon: Lexicon, touch: Touch) -> None:
        self.spec, self.step, self.touch = spec, step, touch
        self.frame, self.ended = 0, False
        self.lexicon = self.next_lexicon = lexicon
        self._begin()

    def _begin(self) -> None:
        self.lexicon = self.next_lexicon
        root = self._prefix(self.lexicon.start, 0, self.spec["blank"], self.step.fresh())
        root.log_p = 0.0
        self.beam = [root]

    def use(self, lexicon: Lexicon) -> None:
        """From the next trace on: a word that is being swiped stays in the list with which it began."""
        self.next_lexicon = lexicon
        if self.touch.phase != "down":
            self._begin()

    def push(self, rows: NDArray[Any]) -> list[Heard]:
        if self.touch.phase != "idle":
            for row in rows:
                self.beam = self._after(row)
        self.frame += len(rows)
        self.ended = self.touch.phase != "down"
        return self.finish() if self.ended else []

    def finish(self) -> list[Heard]:
        """A trace that is not over yet is taken as if it were."""
        told = self._told(self.beam)
        self._begin()
        return told

    def _told(self, beam: list[Prefix]) -> list[Heard]:
        if beam[0].length == 0 and len(beam) == 1:
            return []
        weight = self.spec["prior_weight"]
        scored = [(p.log_p + weight * self.lexicon.log_p(p.at), p.at) for p in beam]
        scored = sorted((s for s in scored if s[0] > -math.inf), key=lambda s: (-s[0], s[1]))
        shares = [math.exp(score - scored[0][0]) for score, _ in scored]
        words = tuple(
            (self.lexicon.spelling(at), share / sum(shares)) for (_, at), share in zip(scored, shares, strict=True)
        )
        return [Heard(*words[0][:1], max(0, self.frame - 1), words[0][1], words[:TOLD_WORDS])] if words else []

    def _after(self, row: NDArray[Any]) -> list[Prefix]:
        """In a frame a prefix may stay, or grow letter by letter: what grows is asked too, as long as it could still be
        among the best. How likely a prefix is before it stays is known when all that may grow into it are."""
        asked = {p.at: p for p in self.beam}
        entered = {p.at: p.log_p for p in self.beam}
        new = self.beam
        while new:
            self._ask(new, row)
            new = self._promising(asked, *self._flow(asked, entered))
            asked.update((p.at, p) for p in new)
        for prefix in asked.values():
            prefix.log_p += prefix.stay
        best = sorted(asked.values(), key=lambda p: p.value, reverse=True)[: self.spec["beam"]]
        return [p for p in best if p.value >= best[0].value - WORTH_NATS] or best[:1]

    def _flow(
        self, asked: dict[Position, Prefix], entered: dict[Position, float]
    ) -> tuple[dict[Position, float], dict[Position, tuple[Prefix, int]]]:
        """Set each prefix's ``log_p`` before it stays, shorter ones first. The log probabilities of all that were
        reached, and the parent and letter of those not asked yet."""
        total = dict(entered)
        unasked: dict[Position, tuple[Prefix, int]] = {}
        for prefix in sorted(asked.values(), key=lambda p: p.length):
            prefix.log_p = total[prefix.at]
            for label, log_p in prefix.grow:
                longer = self.lexicon.child(prefix.at, label)
                reached = prefix.log_p + log_p
                total[longer] = added(total[longer], reached) if longer in total else reached
                if longer not in asked:
                    unasked[longer] = (prefix, label)
        return total, unasked

    def _promising(
        self,
        asked: dict[Position, Prefix],
        reached: dict[Position, float],
        unasked: dict[Position, tuple[Prefix, int]],
    ) -> list[Prefix]:
        """New prefixes that may be among the best after this frame: one can only lose by staying, so it must be better
        now than the beam's last is after that."""
        width = self.spec["beam"]
        stayed = sorted((p.value + p.stay for p in asked.values()), reverse=True)
        least = max(stayed[0] - WORTH_NATS, stayed[width - 1] if len(stayed) >= width else -math.inf)
        weight = self.spec["prior_weight"]
        found = [(reached[at] + weight * self.lexicon.best(at), at) for at in unasked]
        found = sorted((f for f in found if f[0] > least), key=lambda f: (-f[0], f[1]))[:width]
        grown = [(at, *unasked[at]) for _, at in found]
        return [self._prefix(at, parent.length + 1, label, parent.after) for at, parent, label in grown]

    def _prefix(self, at: Position, length: int, token: int, states: States) -> Prefix:
        return Prefix(at, length, token, states, self.spec["prior_weight"] * self.lexicon.best(at))

    def _ask(self, prefixes: list[Prefix], row: NDArray[Any]) -> None:
        """Set what each prefix may do in this frame, and the states after its token."""
        log_p, after = self.step.ask([p.token for p in prefixes], [p.states for p in prefixes], row)
        for prefix, of, states in zip(prefixes, log_p.tolist(), after, strict=True):
            may_grow = prefix.length < self.spec["max_symbols"]
            letters = sorted(set(self.lexicon.children(prefix.at))) if may_grow else []
            grow = sorted(((k, of[k]) for k in letters), key=lambda k: -k[1])[: self.spec["prune"]]
            prefix.grow = [k for k in grow if k[1] > -WORTH_NATS]
            prefix.stay, prefix.after = of[self.spec["blank"]], states
