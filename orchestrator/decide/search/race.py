"""Racing: every candidate gets one look, then blocks of those that may still be the best, interleaved, until one
is the best within the indifference zone or the budget ends.

With many candidates not even one look each fits: a random part of them is looked at, large enough that some of the
best are in it.
"""

import math
from collections.abc import Sequence

import numpy as np

from orchestrator.decide.search.belief import Array, Belief, believe
from orchestrator.decide.search.purse import Purse
from orchestrator.decide.search.question import KNOWN_BEFORE, Finding, Run
from orchestrator.decide.search.standing import Standings
from orchestrator.decide.search.verdict import conclude, differ, smallest_alike

# Part of the budget for first looks. Tuned on simulated matrices, benchmarks/bench_search.py.
FIRST_LOOKS = 0.6
# A search stops once the leader is worse than the indifference zone with no more than this probability.
RISK = 0.002
DRAWS = 512
# A candidate that is the best in fewer draws than this is not run again.
_LEAST_WINS = 5
_BLOCKS_LEFT = 5


class Race:
    """Ask and tell of a race on one device; the same seed gives the same blocks for the same answers.

    ``first``: who is looked at before all others, in this order, for reasons from elsewhere. They are an order and
    nothing more: only runs of this device count.
    """

    ahead = True
    remembers = False

    def __init__(self, standings: Standings, seed: int, first: Sequence[str] = ()) -> None:
        self._standings = standings
        self._rng = np.random.default_rng(seed)
        self._runs: list[Run] = []
        self._total_s = math.inf
        shuffled = [standings.open[i] for i in self._rng.permutation(len(standings.open))]
        self._waiting = sorted(shuffled, key=lambda n: list(first).index(n) if n in first else len(first))
        self._looks = 0

    def tell(self, run: Run) -> None:
        """Also of a run that was not asked for, which is a look like any other."""
        self._standings.add(run)
        self._runs.append(run)
        if run.candidate in self._waiting:
            self._waiting.remove(run.candidate)
            self._looks += 1

    def ask(self, purse: Purse) -> list[str]:
        self._total_s = purse.total_s
        if self._standings.question.minimize in KNOWN_BEFORE:
            return self._best_known()
        if first := self._first_look(purse):
            return first
        belief = self._belief()
        if belief is None:
            return self._again()
        return self._block(belief, purse) or self._next_look()

    def finding(self) -> Finding:
        question = self._standings.question
        if question.minimize in KNOWN_BEFORE:
            ran = [n for n in self._standings.open if self._standings.good(n)]
            values = {name: self._standings.value(name, question.minimize) for name in ran}
            return conclude(self._standings, values, different=len(set(values.values())) > 1 or len(values) == 1)
        belief = self._belief()
        if belief is None:
            return conclude(self._standings, {}, different=True)
        ranking = {n: math.exp(m) for n, m in zip(belief.names, belief.mean, strict=True)}
        draws = self._draws(belief)
        alike = smallest_alike(self._standings, belief, draws)
        if alike is not None:
            ranking[alike] = min(ranking.values()) * (1 - 1e-9)
        return conclude(self._standings, ranking, different=differ(belief.level, belief.index, belief.weight))

    def _first_look(self, purse: Purse) -> list[str]:
        """One candidate at a time, because only its run tells how many more fit."""
        runs = purse.total_s / purse.run_s() if self._runs else math.inf
        wanted = max(1, int(FIRST_LOOKS * runs)) if math.isfinite(runs) else 1
        # A part that would leave out only a few is better spent on all.
        enough = self._looks >= wanted and wanted < FIRST_LOOKS * len(self._standings.entrants)
        return [] if enough and self._usable() else self._next_look()

    def _next_look(self) -> list[str]:
        """One that was not looked at yet, so that what is left of the budget is used."""
        while self._waiting:
            name = self._waiting.pop(0)
            if name not in self._standings.rejected:
                self._looks += 1
                return [name]
        return []

    def _usable(self) -> bool:
        return any(self._standings.good(name) for name in self._standings.open)

    def _again(self) -> list[str]:
        """No run could be used yet: those that may still be, once more."""
        return [name for name in self._standings.open if self._standings.runs[name]]

    def _best_known(self) -> list[str]:
        """The smallest known figure first: a run only has to show that it can be used."""
        metric = self._standings.question.minimize
        order = sorted(self._standings.open, key=lambda n: (self._standings.value(n, metric), n))
        for name in order:
            if self._standings.unproven(name) is None:
                return []
            return [name]
        return []

    def _belief(self) -> Belief | None:
        usable = [r for name in self._standings.open for r in self._standings.good(name)]
        # Runs of candidates that were rejected since still tell of the device's drift.
        usable += [r for name in self._standings.rejected for r in self._standings.good(name)]
        if not self._usable():
            return None
        usable.sort(key=lambda r: r.at_s)
        span_s = self._total_s if math.isfinite(self._total_s) else max(r.at_s for r in usable) + 1.0
        return believe(usable, self._standings.question.minimize, span_s)

    def _draws(self, belief: Belief) -> Array:
        draws = belief.draws(DRAWS, len(self._runs))
        closed = [i for i, name in enumerate(belief.names) if name in self._standings.rejected]
        draws[:, closed] = np.inf
        return draws

    def _block(self, belief: Belief, purse: Purse) -> list[str]:
        draws = self._draws(belief)
        mean = np.where(np.isinf(draws[0]), np.inf, belief.mean)
        leader = int(np.argmin(mean))
        regret = draws[:, leader] - draws.min(axis=1)
        risk = float(np.mean(regret > np.log1p(self._standings.question.indifference)))
        if risk <= RISK and self._standings.unproven(belief.names[leader]) is None:
            return []
        wins = np.bincount(draws.argmin(axis=1), minlength=len(mean))
        size = max(2, min(int((wins >= _LEAST_WINS).sum()), int(purse.runs_left() / _BLOCKS_LEFT)))
        # Less for those that were seen often: one more run of theirs tells less.
        gain = wins / np.bincount(belief.index, minlength=len(mean))
        picked = [int(i) for i in np.argsort(-gain, kind="stable")[:size] if np.isfinite(mean[i])]
        if leader not in picked:
            picked[-1] = leader
        block = [belief.names[i] for i in picked] + self._unlucky()
        return [block[i] for i in self._rng.permutation(len(block))]

    def _unlucky(self) -> list[str]:
        """Those whose looks all throttled, failed or lacked a figure: they may still be the best."""
        open_ = self._standings.open
        return [n for n in open_ if self._standings.runs[n] and not self._standings.good(n)]
