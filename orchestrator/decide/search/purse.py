"""The device time that a search may use."""

import math

from orchestrator.decide.search.question import Run

# What an exhaustive search takes: ten interleaved runs of every candidate.
EXHAUSTIVE_RUNS = 10
# Share of that, by number of candidates, which a search gets unless told otherwise; between them by the logarithm.
FEW, SHARE_OF_FEW = 24, 0.146
MANY, SHARE_OF_MANY = 200, 0.098


class Purse:
    """``limit_s`` is device time, ``runs`` a number of runs at the durations seen, of which the first to end counts;
    neither: a share of what an exhaustive search of ``count`` candidates takes. ``least_runs`` are paid in any case:
    without them there is nothing to say.
    """

    def __init__(
        self, count: int, limit_s: float | None = None, runs: float | None = None, least_runs: int = 0
    ) -> None:
        self._least_runs = least_runs
        self._count = count
        self._limit_s = limit_s
        self._runs = runs
        self._durations_s: dict[str, list[float]] = {}
        self.used_s = 0.0

    @property
    def total_s(self) -> float:
        return max(self._asked_s, self._least_runs * self.run_s())

    @property
    def _asked_s(self) -> float:
        limit_s = math.inf if self._limit_s is None else self._limit_s
        if self._limit_s is not None and self._runs is None:
            return limit_s
        if not self._durations_s:
            return limit_s
        runs = share(self._count) * EXHAUSTIVE_RUNS * self._count if self._runs is None else self._runs
        return min(limit_s, runs * self.run_s())

    def run_s(self, name: str | None = None) -> float:
        """What a run (of ``name``, if it ran before) is expected to take."""
        if name in self._durations_s:
            return _mean(self._durations_s[name])
        return _mean([_mean(d) for d in self._durations_s.values()]) if self._durations_s else 0.0

    def runs_left(self) -> float:
        return (self.total_s - self.used_s) / self.run_s() if self._durations_s else math.inf

    def affords(self, name: str) -> bool:
        return self.used_s + self.run_s(name) <= self.total_s

    def spend(self, run: Run) -> None:
        self.used_s += run.duration_s
        self._durations_s.setdefault(run.candidate, []).append(run.duration_s)


def share(count: int) -> float:
    """Part of the exhaustive device time for a race of ``count`` candidates."""
    place = math.log(max(count, 1) / FEW) / math.log(MANY / FEW)
    return SHARE_OF_FEW + min(1.0, max(0.0, place)) * (SHARE_OF_MANY - SHARE_OF_FEW)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
