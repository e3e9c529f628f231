"""The re-run that is to decide: old and new in turns on one device in one night, with as many pairs as that takes."""

import math
from collections.abc import Sequence

from orchestrator.decide.regression.tuning import Tuning
from orchestrator.domain.night_series import Night, Series
from orchestrator.domain.regression import SPREAD, ConfirmationRequest, Suspicion
from orchestrator.statistics import power

LOOKS = 2
_LEAST_PAIRS = 6
# A true effect of the size that matters is confirmed with this probability by the first look, and else by the second.
_POWER = 0.9


def rerun_of(series: Series, suspicions: Sequence[Suspicion], tuning: Tuning) -> ConfirmationRequest | None:
    """What would decide ``suspicions``, all of one configuration; ``series`` is that of the first of them.

    None where the old and the new night ran the same: then only the device can have changed.
    """
    old, new = _old_night(series, suspicions[0], tuning), series.last
    # The same bytes are the same, whichever commit and exporter they are from.
    if old.artifact == new.artifact and old.axes.runtime == new.axes.runtime:
        return None
    return ConfirmationRequest(old, new, _pairs(series, suspicions[0], tuning), tuple(suspicions))


def again(asked: ConfirmationRequest, open_still: Sequence[Suspicion]) -> ConfirmationRequest:
    """The second and last look, with as many more pairs; both looks are judged together."""
    return ConfirmationRequest(asked.old, asked.new, asked.pairs, tuple(open_still), look=2)


def _old_night(series: Series, suspicion: Suspicion, tuning: Tuning) -> Night:
    """``look_back`` nights back, or before the change where that may be earlier."""
    back = max(0, len(series.nights) - 1 - tuning.look_back)
    earlier = [i for i, night in enumerate(series.nights) if night.at < suspicion.since.earliest]
    return series.nights[min(back, earlier[-1]) if earlier else back]


def _pairs(series: Series, suspicion: Suspicion, tuning: Tuning) -> int:
    """From how much runs of one night differ: enough to find what matters, or what was seen where that is less."""
    deviations = [night.deviation for night in series.nights[-tuning.baseline_nights :]]
    squares = [deviation**2 for deviation in deviations if deviation is not None]
    if suspicion.aspect == SPREAD or not squares:
        return tuning.most_pairs
    pair = math.sqrt(2.0 * sum(squares) / len(squares))
    wanted = max(math.log1p(tuning.least), min(math.log1p(tuning.wanted), abs(suspicion.shift)))
    alpha = tuning.rerun_alpha / LOOKS
    for pairs in range(_LEAST_PAIRS, tuning.most_pairs):
        if power.standard_errors(pairs - 1, alpha, _POWER) * pair <= wanted * math.sqrt(pairs):
            return pairs
    return tuning.most_pairs
