"""A recorded matrix in the place of a device: runs come in their order, then again at random; the device may drift."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from orchestrator.decide.replay.matrix import MEASURED, Matrix, Row
from orchestrator.decide.search.base import search
from orchestrator.decide.search.purse import EXHAUSTIVE_RUNS, Purse
from orchestrator.decide.search.question import Question, Run, require_metric
from orchestrator.decide.search.registry import make_strategy
from orchestrator.decide.search.standing import Standings
from orchestrator.errors import BadInput

# Figures that grow with the device's slowness; memory does not.
_TIMES = ("service_p50_ms", "latency_p99_ms", "rtf", "energy_mj_per_audio_s")
# Swings of the drift during an exhaustive search: a racing search meets a good part of one.
_SWINGS = 5


@dataclass(frozen=True)
class Simulation:
    """What a strategy did on a matrix. Times in minutes of the device."""

    winner: str | None
    device_minutes: float
    exhaustive_device_minutes: float
    runs: int
    verdict: str
    rejected: Mapping[str, str]


class Replay:
    """``drift``: how much slower, as a share, the device gets and recovers from, again and again."""

    def __init__(self, matrix: Matrix, drift: float, seed: int) -> None:
        self._matrix = matrix
        self._drift = drift
        self._rng = np.random.default_rng([seed, 1])
        self._phase = self._rng.uniform(0, 2 * math.pi)
        self._period_s = max(matrix.exhaustive_s(EXHAUSTIVE_RUNS), 1e-9) / _SWINGS
        self._used: dict[str, int] = {}
        self._now_s = 0.0
        self.runs = 0

    def run(self, name: str) -> Run:
        row = self._next(name)
        at_s = self._now_s + row.duration_s / 2
        self._now_s += row.duration_s
        self.runs += 1
        slower = 1 + self._drift * (0.5 - 0.5 * math.cos(2 * math.pi * at_s / self._period_s + self._phase))
        figures = {m: row.figures[m] * (slower if m in _TIMES else 1.0) for m in MEASURED if m in row.figures}
        return Run(name, row.outcome, at_s, row.duration_s, figures)

    def _next(self, name: str) -> Row:
        rows = self._matrix.rows[name]
        used = self._used.get(name, 0)
        self._used[name] = used + 1
        return rows[used] if used < len(rows) else rows[int(self._rng.integers(len(rows)))]


def simulate(
    matrix: Matrix, question: Question, strategy: str, *, seed: int, drift: float = 0.0, budget_s: float | None = None
) -> Simulation:
    """``budget_s`` None: a share of the exhaustive time, but all of it for the strategy exhaustive. Raises BadInput."""
    if not 0 <= drift < 1:
        raise BadInput(f"drift must be a share in 0..1, got {drift}")
    if budget_s is not None and budget_s <= 0:
        raise BadInput(f"the budget must be > 0 minutes, got {budget_s / 60:g}")
    for metric in (question.minimize, *question.limits):
        require_metric(metric, (*MEASURED, "size_mb", "quality_loss"))
    standings = Standings(question, matrix.entrants())
    replay = Replay(matrix, drift, seed)
    limit_s = math.inf if strategy == "exhaustive" and budget_s is None else budget_s
    purse = Purse(len(matrix.rows), limit_s)
    finding = search(make_strategy(strategy, standings, seed), replay.run, purse)
    return Simulation(
        winner=finding.winner,
        device_minutes=purse.used_s / 60,
        exhaustive_device_minutes=matrix.exhaustive_s(EXHAUSTIVE_RUNS) / 60,
        runs=replay.runs,
        verdict=finding.verdict,
        rejected=finding.rejected,
    )
