"""The first race: short sessions, flat out, until it is clear who may still be the best and holds its quality."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from orchestrator.decide.search.base import Fronted
from orchestrator.decide.search.contenders import contenders
from orchestrator.decide.search.purse import EXHAUSTIVE_RUNS, Purse, share
from orchestrator.decide.search.question import Run
from orchestrator.decide.search.registry import make_strategy
from orchestrator.decide.search.standing import Standings
from orchestrator.domain.candidate import Candidate
from orchestrator.ledger.search_journals import SearchJournal
from orchestrator.workflows.device_runs import DeviceRuns
from orchestrator.workflows.gatekeeper import Gatekeeper
from orchestrator.workflows.searching import Search
from orchestrator.workflows.settings import TuneSettings

# Flat out a model computes with warm caches and a raised clock, so its median only stands in for a paced one: whoever
# is this near to the best goes on, and the paced race decides.
STAND_IN_ZONE = 0.10
# More runs of what comes later than the first screening, beside a look at each.
_MORE_RUNS = 4
# Few candidates may be looked at twice each; of many the share that racing was tuned for (benchmarks/bench_search.py).
_LOOKS_EACH, _LOOKS = 2, 24
# So many are looked at however small the budget is.
_LEAST = 6
# Of the study's device time, so that enough is left for sessions in the field's own pace.
_MOST = 0.5


@dataclass
class ScreeningRace:
    """``told``: the runs so far, which a later screening with more candidates begins with."""

    settings: TuneSettings
    runs: DeviceRuns
    gates: Gatekeeper
    first: tuple[str, ...] = ()
    told: list[Run] = field(default_factory=list)

    def finalists(self, candidates: Sequence[Candidate], default: Candidate | None) -> list[Candidate]:
        """Those worth paced sessions beside the default, the likeliest first. May be none."""
        by_key = {c.key: c for c in candidates}
        search = self._search(by_key)
        if not self.told and default is not None:
            looks = self.runs.look_on_each(default)
            recorded = self.runs.recorded(by_key) if search.strategy.remembers else []
            search.tell(recorded or looks)
            self._weigh_quality(default, search)
        while True:
            search.until_done()
            leading = [key for key in self._leading(search) if default is None or key != default.key]
            finalists = [by_key[key] for key in leading[: self.settings.finalists]]
            if not self.gates.ask_quality(self.runs.units.first, finalists):
                self.told = search.told
                return finalists
            for key, reason in self.gates.refused.items():
                search.standings.reject(key, reason)

    def _search(self, by_key: dict[str, Candidate]) -> Search:
        reading, artifacts = self.runs.reading, self.runs.units.first.artifacts
        entrants = [reading.entrant(c, artifacts[c.artifact_sha256]) for c in by_key.values()]
        standings = Standings(reading.question, entrants)
        runner = self.runs.units.first
        journal = SearchJournal(runner.ledger, runner.study.study_id)
        strategy = make_strategy(self.settings.strategy, standings, self.settings.seed, self.first, journal)
        search = Search(strategy, standings, self._purse(by_key), self.runs, by_key, self.gates.refused)
        search.tell(self.told)
        return search

    def _purse(self, by_key: dict[str, Candidate]) -> Purse:
        """What comes later has its looks, whatever was used before."""
        if self.told:
            new = len(by_key.keys() - {run.candidate for run in self.told})
            return Purse(len(by_key), runs=len(self.told) + _LOOKS_EACH * new + _MORE_RUNS)
        least = self.runs.units.count * (1 + min(len(by_key), _LEAST))
        runs = None if self.settings.strategy == "exhaustive" else _runs(len(by_key))
        return Purse(len(by_key), _MOST * self.settings.budget_s, runs, least)

    def _weigh_quality(self, default: Candidate, search: Search) -> None:
        """The default's own score is needed anyway, and tells what one costs."""
        evaluated = self.gates.score(self.runs.units.first, default)
        self.gates.quality_first = evaluated.ok and evaluated.duration_s <= search.purse.run_s()

    def _leading(self, search: Search) -> list[str]:
        """Those near the best of the objective; of a strategy that looks for a front, its other members after them."""
        zone = search.standings.question.indifference if self.runs.reading.exact else STAND_IN_ZONE
        near = contenders(search.standings, zone)
        front = search.strategy.front if isinstance(search.strategy, Fronted) else []
        usable = [key for key in front if key in search.standings.open and search.standings.good(key)]
        return list(dict.fromkeys((*near, *usable)))


def _runs(count: int) -> float:
    return max(share(count) * EXHAUSTIVE_RUNS * count, min(_LOOKS_EACH * count, _LOOKS))
