"""Does a device hold so many streams? A verdict from the runs so far, which may be that another run is needed."""

from collections.abc import Sequence

from orchestrator.domain.streams_held import DOUBTFUL, FAILS, HOLDS, StreamsRun, StreamsTried
from orchestrator.statistics.interval import not_estimable
from orchestrator.statistics.miss_rate import miss_rate_interval

# A wrong verdict on one number of streams: 5 % in all, however often it is looked at.
_CONFIDENCE = 0.95
# A run has no interval by itself.
LEAST_RUNS = 2
DEFAULT_BUDGET, DEFAULT_MOST_RUNS = 0.01, 5


def judge_streams(streams: int, runs: Sequence[StreamsRun], budget: float, most_runs: int) -> StreamsTried:
    """Holds: the interval of the miss rate ends below ``budget``. Fails: it begins above, or one run missed more than
    that with a backlog that grew all the time, which more runs of an overloaded device would only repeat, or failed.

    Runs are looked at one after the other, up to ``most_runs``, so each look has its share of the error (Bonferroni).
    """
    failed = next((run.failed for run in runs if run.failed is not None), None)
    if failed is not None:
        return StreamsTried(streams, FAILS, not_estimable(failed, 0), tuple(runs), f"the session failed: {failed}")
    good = [run for run in runs if run.ruled_out is None]
    if not good:
        reason = runs[-1].ruled_out if runs else "it was not run yet"
        return StreamsTried(streams, DOUBTFUL, not_estimable(str(reason), 0), tuple(runs), str(reason))
    confidence = 1.0 - (1.0 - _CONFIDENCE) / max(1, most_runs - LEAST_RUNS + 1)
    found = miss_rate_interval([run.misses for run in good], [run.chunks for run in good], confidence)
    grew = [run for run in good if run.grows and run.miss_rate > budget]
    if grew:
        return StreamsTried(streams, FAILS, found, tuple(runs), "chunks waited ever longer")
    if found.low is None or found.high is None:
        return StreamsTried(streams, DOUBTFUL, found, tuple(runs), "one run has no interval")
    verdict = HOLDS if found.high <= budget else FAILS if found.low > budget else DOUBTFUL
    return StreamsTried(streams, verdict, found, tuple(runs))


def passes(tried: StreamsTried, budget: float) -> bool:
    """What the search takes it for: where it stays doubtful, the mean decides; what is not known fails."""
    if tried.verdict != DOUBTFUL:
        return tried.verdict == HOLDS
    return tried.miss_rate.value is not None and tried.miss_rate.value <= budget
