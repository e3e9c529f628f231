"""Whether an evaluation set can tell the loss of quality that is asked for, before anything is measured."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.decide.selection.constraints import Constraints
from orchestrator.statistics.bootstrap import items_needed


@dataclass(frozen=True)
class TooSmall:
    """``step``: what one error more is worth, as a share; ``more``: items that are lacking for ``limit`` to be shown
    where not one of them differs. ``blind``: one error more is above the limit already.
    """

    items: int
    limit: float
    step: float
    more: int

    @property
    def blind(self) -> bool:
        return self.step > self.limit


def too_small(counts: Sequence[float], limit: float, confidence: float = 0.95) -> TooSmall | None:
    """``counts``: of each item, in how many places it can be wrong (1 for a clip, its words for a sentence).

    None where the items are enough, or no loss at all is allowed, which every item can tell. The bound is the exact one
    of a share with no event, over items: how many differ is not known yet, and fewer would never do.
    """
    needed = items_needed(0.0, 0.0, limit, confidence) if limit > 0.0 else None
    if not counts or needed is None or needed <= len(counts):
        return None
    return TooSmall(len(counts), limit, 1.0 / sum(counts), needed - len(counts))


def asked_loss(constraints: Constraints) -> float | None:
    """The loss that is allowed, as far as it is known before the default is: a goal in per cent depends on it."""
    if constraints.max_quality_loss is not None:
        return constraints.max_quality_loss
    goals = (g for g in constraints.goals if g.metric == "quality_loss" and g.kind == "max-degradation")
    return next((goal.value for goal in goals), None)
