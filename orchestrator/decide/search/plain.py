"""The strategies that people use otherwise, to be compared with: exhaustive, random, successive halving.

They rank by the median of a candidate's runs and know nothing of drift; all else (gates, limits, verdict) is shared.
"""

from collections.abc import Sequence

import numpy as np

from orchestrator.decide.search.purse import EXHAUSTIVE_RUNS, Purse
from orchestrator.decide.search.question import KNOWN_BEFORE, Finding, Run
from orchestrator.decide.search.standing import Standings
from orchestrator.decide.search.verdict import conclude, differ


class Plain:
    ahead = True
    remembers = False

    def __init__(self, standings: Standings, seed: int, first: Sequence[str] = ()) -> None:
        """``first`` is for strategies that begin somewhere; these begin anywhere."""
        self.standings = standings
        self._rng = np.random.default_rng(seed)

    def tell(self, run: Run) -> None:
        self.standings.add(run)

    def finding(self) -> Finding:
        metric = self.standings.question.minimize
        ran = [name for name in self.standings.open if self.standings.good(name)]
        values = {name: self.standings.value(name, metric) for name in ran}
        different = len(set(values.values())) > 1 if metric in KNOWN_BEFORE else self._differ(ran, metric)
        return conclude(self.standings, values, different=different)

    def _differ(self, names: Sequence[str], metric: str) -> bool:
        if not names:
            return True
        pairs = [(i, run.figures[metric]) for i, n in enumerate(names) for run in self.standings.good(n)]
        return differ(np.log([value for _, value in pairs]), np.array([i for i, _ in pairs]))

    def _shuffled(self, names: Sequence[str]) -> list[str]:
        return [names[i] for i in self._rng.permutation(len(names))]


class Exhaustive(Plain):
    """Ten interleaved runs of every candidate, whatever is known of it."""

    _blocks = 0

    def ask(self, purse: Purse) -> list[str]:
        self._blocks += 1
        return self._shuffled(list(self.standings.entrants)) if self._blocks <= EXHAUSTIVE_RUNS else []


class Random(Plain):
    """Any open candidate, again and again."""

    def ask(self, purse: Purse) -> list[str]:
        names = self.standings.open
        return [names[self._rng.integers(len(names))]] if names else []


class Halving(Plain):
    """Successive halving one candidate after another, without interleaving: 1, 2, 4 ... runs for the better half."""

    ahead = False

    def __init__(self, standings: Standings, seed: int, first: Sequence[str] = ()) -> None:
        super().__init__(standings, seed)
        self._left = self._shuffled(standings.open)
        self._runs_each = 1

    def ask(self, purse: Purse) -> list[str]:
        metric = self.standings.question.minimize
        if self._runs_each > 1:
            usable = [n for n in self._left if n in self.standings.open and self.standings.good(n)]
            usable.sort(key=lambda n: self.standings.value(n, metric))
            self._left = usable[: max(1, len(self._left) // 2)]
        if not self._left or self._runs_each > 2 ** len(bin(len(self.standings.entrants))):
            return []
        block = [name for name in self._left for _ in range(self._runs_each)]
        self._runs_each *= 2
        return block
