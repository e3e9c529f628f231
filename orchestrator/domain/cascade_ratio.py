"""Two cascades that took turns on one device: by what factor the second one's waits differ from the first one's."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from orchestrator.domain.cascade_path import CLOSED, CLOSING, FIRST_TOKEN, LAST_TOKEN, TEXT, CascadeTimes, between
from orchestrator.statistics.interval import Interval, not_estimable
from orchestrator.statistics.intervals import ratio_paired

_NS_PER_MS = 1e6


@dataclass(frozen=True)
class CascadeRatio:
    """``a_ms`` and ``b_ms``: medians over runs of the runs' medians; ``ratio`` is b / a, paired by block. None where no
    run has such a wait.
    """

    part: str
    a_ms: float | None
    b_ms: float | None
    ratio: Interval


def cascade_ratios(a: Sequence[CascadeTimes], b: Sequence[CascadeTimes]) -> tuple[CascadeRatio, ...]:
    """Run i of each shares a block. A run is the unit: its utterances are alike."""
    parts = (
        ("utterance over -> text", CLOSED, TEXT),
        ("text -> first token", TEXT, FIRST_TOKEN),
        ("text -> last token", TEXT, LAST_TOKEN),
        ("utterance over -> text, gate and all", CLOSING, TEXT),
        ("utterance over -> last token", CLOSING, LAST_TOKEN),
    )
    first = _ratio("each chunk of the first stage", [r.latency_ns(0) for r in a], [r.latency_ns(0) for r in b])
    return (first, *(_way(name, a, b, begin, end) for name, begin, end in parts))


def _way(name: str, a: Sequence[CascadeTimes], b: Sequence[CascadeTimes], begin: int, end: int) -> CascadeRatio:
    return _ratio(name, [between(r.way_ns, begin, end) for r in a], [between(r.way_ns, begin, end) for r in b])


def _ratio(name: str, a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> CascadeRatio:
    if not all(len(each) for each in (*a, *b)):
        reason = "a run has no such wait"
        return CascadeRatio(name, None, None, not_estimable(reason, 0))
    of_a, of_b = ([float(np.median(each)) / _NS_PER_MS for each in side] for side in (a, b))
    return CascadeRatio(name, float(np.median(of_a)), float(np.median(of_b)), ratio_paired(of_b, of_a))
