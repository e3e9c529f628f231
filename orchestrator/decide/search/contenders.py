"""Who may still be the best after some runs: those worth the next, dearer gate."""

import math
from collections.abc import Iterable

import numpy as np

from orchestrator.decide.search.belief import believe
from orchestrator.decide.search.question import KNOWN_BEFORE
from orchestrator.decide.search.standing import Standings

# One that is within the zone of the best with less than this probability is left behind.
CHANCE = 0.05
_DRAWS, _SEED = 2048, 6


def contenders(standings: Standings, zone: float) -> list[str]:
    """Open candidates with a good run that may be within ``zone`` (a share) of the best one, the likeliest first.

    A figure that is known without a run leaves no doubt: all of them, in its order.
    """
    metric = standings.question.minimize
    ran = [name for name in standings.open if standings.good(name)]
    if metric in KNOWN_BEFORE:
        return sorted(ran, key=lambda name: (standings.value(name, metric), name))
    runs = [run for name in standings.entrants for run in standings.good(name)]
    if not ran:
        return []
    runs.sort(key=lambda run: run.at_s)
    belief = believe(runs, metric, max(run.at_s for run in runs) + 1.0)
    draws = belief.draws(_DRAWS, _SEED)
    draws[:, [i for i, name in enumerate(belief.names) if name not in ran]] = math.inf
    near = np.mean(draws - draws.min(axis=1, keepdims=True) <= math.log1p(zone), axis=0)
    mean = dict(zip(belief.names, belief.mean, strict=True))
    return sorted(_likely(belief.names, near, ran), key=lambda name: mean[name])


def _likely(names: Iterable[str], near: Iterable[float], ran: list[str]) -> list[str]:
    return [name for name, chance in zip(names, near, strict=True) if name in ran and chance >= CHANCE]
