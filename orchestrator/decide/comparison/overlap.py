"""Runs that were made at the same time on one device, cut to the time when both streamed."""

from dataclasses import replace

import numpy as np

from agents import wire
from orchestrator.decide.comparison.runs import Runs
from orchestrator.decide.selection.figures import Run


def overlapping(a: Runs, b: Runs) -> tuple[Runs, Runs]:
    """Both without the chunks that either served alone. A block that only one has, or in which nothing overlaps, counts
    for neither.
    """
    mine, theirs, alone = {}, {}, []
    for block in sorted(a.good.keys() | b.good.keys()):
        pair = (a.good.get(block), b.good.get(block))
        cut = None if None in pair else _both(*pair)  # type: ignore[arg-type]
        if cut is None:
            alone.append(f"block {block[1]}: the two did not stream at the same time")
        else:
            mine[block], theirs[block] = cut
    return Runs(mine, (*a.left_out, *alone)), Runs(theirs, b.left_out)


def _both(a: Run, b: Run) -> tuple[Run, Run] | None:
    """Both clocks are the device's monotonic one."""
    start_ns = max(int(run.steady.t_ns[0, wire.ISSUE]) for run in (a, b))
    end_ns = min(int(run.steady.done_ns[-1]) for run in (a, b))
    cut = [_within(run, start_ns, end_ns) for run in (a, b)]
    return None if cut[0] is None or cut[1] is None else (cut[0], cut[1])


def _within(run: Run, start_ns: int, end_ns: int) -> Run | None:
    steady = run.steady
    inside = np.flatnonzero((steady.t_ns[:, wire.ISSUE] >= start_ns) & (steady.done_ns <= end_ns))
    if not len(inside):
        return None
    first, last = int(inside[0]), int(inside[-1])
    before = int(steady.done_ns[first - 1]) if first else steady.previous_done_ns
    kept = replace(steady, t_ns=steady.t_ns[first : last + 1], previous_done_ns=before)
    return Run(run.session, kept, run.warmup)
