"""What may be to blame: the axes that changed on the nights on which the level may have."""

import itertools
from collections.abc import Sequence

from orchestrator.domain.night_series import AXES, Night
from orchestrator.domain.regression import Blame, Since


def blame(nights: Sequence[Night], since: Since, axes: Sequence[str] = AXES) -> tuple[Blame, ...]:
    """The likeliest first. A value that one of two nights did not record is no change; see ``not_recorded``."""
    weights = dict(since.weights)
    found = [
        Blame(axis, after.at, was, now, weights[after.at])
        for before, after in itertools.pairwise(nights)
        if since.earliest <= after.at <= since.latest and after.at in weights
        for axis in axes
        if (was := getattr(before.axes, axis)) is not None
        and (now := getattr(after.axes, axis)) is not None
        and was != now
    ]
    # Two axes that changed in one night are told apart by a bisection, not here: they stand in the order of AXES.
    return tuple(sorted(found, key=lambda each: -each.probability))


def not_recorded(nights: Sequence[Night], since: Since, axes: Sequence[str] = AXES) -> tuple[str, ...]:
    """Axes that cannot be ruled out, because a night of the range does not say what it had."""
    last = [night for night in nights if night.at < since.earliest][-1:]
    range_ = [*last, *(night for night in nights if since.earliest <= night.at <= since.latest)]
    return tuple(axis for axis in axes if any(getattr(night.axes, axis) is None for night in range_))
