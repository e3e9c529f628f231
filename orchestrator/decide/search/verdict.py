"""From what was seen to a finding: the winner, or no difference, and a reason for every other candidate."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from orchestrator.decide.search.belief import Array, Belief
from orchestrator.decide.search.question import Finding
from orchestrator.decide.search.standing import NOISE, NOISE_WEIGHT, Standings

# Small, because a search that looks again at what looked good sees less noise than there is.
ALPHA = 0.002
_NULL_DRAWS, _SEED = 20_000, 20
_SURE = 0.95
# A run that counts less than this started in a slow mode: it says nothing of the spread between candidates.
_COUNTS = 0.1


def conclude(standings: Standings, ranking: Mapping[str, float], *, different: bool) -> Finding:
    """``ranking``: candidate -> figure, smallest first to win; the first whose limits are proven does."""
    rejected = dict(standings.rejected)
    winner = None
    for name in sorted(ranking, key=lambda n: ranking[n]):
        if name in rejected:
            continue
        fault = standings.unproven(name)
        if winner is None and fault is None:
            winner = name
        else:
            rejected[name] = fault or _slower(standings, ranking, name, str(winner))
    if winner is None:
        rejected |= {name: _unused(standings, name) for name in standings.entrants if name not in rejected}
        return Finding(None, "infeasible", rejected)
    rejected |= {name: _unused(standings, name) for name in standings.entrants if name not in {*rejected, winner}}
    return Finding(winner, "winner" if different else "no-difference", rejected)


def _slower(standings: Standings, ranking: Mapping[str, float], name: str, winner: str) -> str:
    metric = standings.question.minimize
    count = len(standings.good(name))
    return f"{metric} {ranking[name]:.4g} against {ranking[winner]:.4g} of the winner, {count} run(s)"


def _unused(standings: Standings, name: str) -> str:
    return "none of its runs could be used" if standings.runs[name] else "not run: the budget ended before its turn"


def smallest_alike(standings: Standings, belief: Belief, draws: Array) -> str | None:
    """Among the open candidates that are as good as any within the indifference zone, the smallest artifact."""
    regret = draws - draws.min(axis=1, keepdims=True)
    alike = np.mean(regret <= np.log1p(standings.question.indifference), axis=0) >= _SURE
    sizes = {
        name: standings.entrants[name].known.get("size_mb", np.inf)
        for name, is_alike in zip(belief.names, alike, strict=True)
        if is_alike and name not in standings.rejected and standings.unproven(name) is None
    }
    return min(sizes, key=lambda name: (sizes[name], belief.mean[belief.names.index(name)]), default=None)


def differ(level: Array, index: NDArray[np.intp], weight: Array | None = None) -> bool:
    """True where the candidates' levels spread more than the noise between runs of one candidate explains.

    ``level`` (runs): log figure with the device's drift taken off; ``index`` (runs): whose it is. An F test, its null
    distribution by simulation; the noise known before counts as a few more runs.
    """
    if weight is not None:
        level, index = level[weight >= _COUNTS], index[weight >= _COUNTS]
    groups = [level[index == i] for i in np.unique(index)]
    between_freedom, within_freedom = len(groups) - 1, len(level) - len(groups) + NOISE_WEIGHT
    if between_freedom < 1:
        return True
    grand = float(level.mean())
    between = sum(len(g) * (float(g.mean()) - grand) ** 2 for g in groups) / between_freedom
    squares = sum(float(((g - g.mean()) ** 2).sum()) for g in groups)
    within = (NOISE_WEIGHT * NOISE**2 + squares) / within_freedom
    rng = np.random.default_rng(_SEED)
    null = rng.chisquare(between_freedom, _NULL_DRAWS) / between_freedom
    null /= rng.chisquare(within_freedom, _NULL_DRAWS) / within_freedom
    return float(np.mean(null >= between / within)) < ALPHA
