"""How much worse than the fp32 default a candidate hears, with bounds from the paired bootstrap over items."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from orchestrator.decide.selection.policy import Policy
from orchestrator.domain.candidate import Candidate, default_of
from orchestrator.domain.decision import Estimate
from orchestrator.domain.score import Score
from orchestrator.statistics.bootstrap import PairedDifference, items_needed, paired_difference


@dataclass(frozen=True)
class QualityLoss:
    """``difference`` None: not measured, and ``reason`` says why; with a difference it says whose score was taken.
    ``default_error_rate``: of the fp32 default on the same items.
    """

    difference: PairedDifference | None
    metric: str = ""
    reason: str | None = None
    default_error_rate: float | None = None


def quality_losses(
    candidates: Mapping[str, Candidate],
    scores: Iterable[Score],
    family: Callable[[Candidate], tuple[object, ...]],
    policy: Policy,
) -> dict[str, QualityLoss]:
    """Loss of every candidate by key. One that was not scored itself takes the score of another of its family.

    With several evaluation sets (clips, a continuous track) the loss is that of the set with the highest upper bound.
    """
    own: dict[str, dict[str, Score]] = {}
    shared: dict[tuple[object, ...], dict[str, Score]] = {}
    for score in scores:
        own.setdefault(score.candidate_key, {})[score.evaluation_sha256] = score
        if score.candidate_key in candidates:
            relatives = shared.setdefault(family(candidates[score.candidate_key]), {})
            relatives.setdefault(score.evaluation_sha256, score)
    default = default_of(candidates.values())
    wanted = {} if default is None else own.get(default.key) or shared.get(family(default), {})
    return {
        key: _worst({**shared.get(family(c), {}), **own.get(key, {})}, wanted, key, policy)
        for key, c in candidates.items()
    }


def loss_estimate(loss: QualityLoss | None) -> Estimate:
    """As a metric. ``low`` and ``high`` are the one-sided bounds that the gate uses, each at the confidence."""
    if loss is None or loss.difference is None:
        reason = loss.reason if loss and loss.reason else "quality was not measured"
        return Estimate(None, basis="items", reason=reason)
    found = loss.difference
    return Estimate(found.value, found.lower, found.upper, found.n, "items", loss.reason)


def more_items(loss: PairedDifference, bound: float) -> int | None:
    """How many more items would bring the upper bound down to ``bound``; None where the loss itself is above it."""
    needed = items_needed(loss.value, loss.spread, bound, loss.confidence)
    return None if needed is None else max(1, needed - loss.n)


def _worst(found: Mapping[str, Score], wanted: Mapping[str, Score], key: str, policy: Policy) -> QualityLoss:
    if not wanted:
        return QualityLoss(None, reason="quality was not measured: the fp32 default has no score to compare with")
    missing = [score for name, score in wanted.items() if name not in found]
    if missing:
        return QualityLoss(None, missing[0].metric, f"quality was not measured: no score for {missing[0].metric}")
    losses = [_loss(found[name], default, key, policy) for name, default in wanted.items()]
    return max(losses, key=lambda loss: float("inf") if loss.difference is None else loss.difference.upper)


def _loss(score: Score, default: Score, key: str, policy: Policy) -> QualityLoss:
    mine, theirs = {i.item: i for i in score.items}, {i.item: i for i in default.items}
    if mine.keys() != theirs.keys() or not theirs:
        return QualityLoss(None, score.metric, f"the items of {score.metric} do not pair with the fp32 default's")
    names = sorted(theirs)
    difference = paired_difference(
        np.array([mine[n].errors for n in names]),
        np.array([theirs[n].errors for n in names]),
        np.array([mine[n].count for n in names]),
        np.array([theirs[n].count for n in names]),
        seed=policy.seed,
        confidence=policy.confidence,
    )
    borrowed = None if score.candidate_key == key else "score of the same artifact with another number of threads"
    return QualityLoss(difference, score.metric, borrowed, default.error_rate)
