"""The second race: sessions in the field's own pace, the default in every block, until the decision is clear."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from orchestrator.decide.search.contenders import contenders
from orchestrator.decide.search.purse import Purse
from orchestrator.decide.search.question import Run
from orchestrator.decide.search.registry import make_strategy
from orchestrator.decide.search.standing import Standings
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.decision import Decision
from orchestrator.measure.farm.budget import Budget
from orchestrator.measure.farm.interleave import block_order
from orchestrator.workflows.device_runs import DeviceRuns
from orchestrator.workflows.searching import Search, blocks_of
from orchestrator.workflows.settings import TuneSettings


@dataclass
class PacedRace:
    """``decide``: from all that the ledger has by now. ``told``: the runs so far."""

    settings: TuneSettings
    runs: DeviceRuns
    decide: Callable[[], Decision]
    told: list[Run] = field(default_factory=list)

    def run(self, racers: Sequence[Candidate], default: Candidate | None, left_s: float) -> None:
        """At least ``Budget.minimum_blocks``, without which there is no interval; more while they fit into ``left_s``
        and may change the decision.
        """
        field_ = {c.key: c for c in ([default] if default else []) + list(racers)}
        told = [run for run in self.told if run.candidate in field_]
        search = self._search(field_, told, left_s + sum(run.duration_s for run in told))
        budget = Budget(self.settings.budget_s)
        default_key = default.key if default else None
        names, ran = list(field_), 0
        while names and ran < budget.maximum_blocks:
            blocks = self._blocks(names, default_key)
            cost_s = sum(search.purse.run_s(name) for block in blocks for name in block)
            if ran >= budget.minimum_blocks and search.purse.used_s + cost_s > search.purse.total_s:
                break
            before = self.runs.block
            search.tell(search.run_blocks(blocks))
            ran += self.runs.block - before
            names = self._next(search, default_key, ran < budget.minimum_blocks)
        self.told += search.told[len(told) :]

    def _search(self, racers: dict[str, Candidate], told: Sequence[Run], limit_s: float) -> Search:
        reading, artifacts = self.runs.reading, self.runs.units.first.artifacts
        entrants = [reading.entrant(c, artifacts[c.artifact_sha256]) for c in racers.values()]
        standings = Standings(reading.question, entrants)
        strategy = make_strategy(self.settings.strategy, standings, self.settings.seed)
        search = Search(strategy, standings, Purse(len(racers), limit_s, math.inf, len(racers)), self.runs, racers, {})
        search.tell(told)
        return search

    def _blocks(self, names: Sequence[str], default: str | None) -> list[list[str]]:
        """The default in each of them; where there are several units, one for each."""
        found = blocks_of([name for name in names if name != default]) or [[]]
        blocks = [[*([default] if default else []), *block] for block in found]
        while len(blocks) < len(self.runs.units.runners):
            blocks.append(list(blocks[-1]))
        return [block_order(block, self.runs.block + i, self.settings.seed) for i, block in enumerate(blocks)]

    def _next(self, search: Search, default: str | None, must: bool) -> list[str]:
        """Whom the strategy asks for, or whom the decision still turns on; none where nothing would change it."""
        asked = search.strategy.ask(search.purse)
        near = contenders(search.standings, search.standings.question.indifference)
        if must:
            # One who may be the winner has as many blocks as an interval takes.
            return asked + [key for key in near if key not in asked] or ([default] if default else [])
        return asked or self._doubtful(near, default)

    def _doubtful(self, near: Sequence[str], default: str | None) -> list[str]:
        """The search is sure that the default is not the best; the decision, by its paired intervals, is not yet."""
        if default is None or default in near or not near:
            return []
        decision = self.decide()
        return [default, near[0]] if decision.winner == default else []
