"""What the twins themselves say happened: whether each planned session ran once, and never two at a time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from orchestrator.measure.farm.twins.device import World
from orchestrator.measure.farm.twins.journal import Run, read_runs

# Of each kind of fault so many are told.
_MOST_TOLD = 5


@dataclass(frozen=True)
class DeviceDay:
    """``work_s``: it ran sessions, or was away. ``gaps_s``: from one session's end to the next one's begin, without
    those in which it was away, shape (n,).
    """

    runs: int
    work_s: float
    ended_s: float
    gaps_s: NDArray[np.float64]


@dataclass(frozen=True)
class Audit:
    """``faults``: what must not be, in words; ``fault_count`` of them in all. ``cut``: sessions that a newer lease
    ended, and that ran again. Times in s of ours.
    """

    whole: int
    cut: int
    days: Mapping[str, DeviceDay]
    faults: tuple[str, ...]
    fault_count: int


def audit(world: World, planned: Mapping[str, Iterable[str]]) -> Audit:
    """``planned``: ids of sessions by the device that they were planned on."""
    faults: list[str] = []
    days, whole, cut = {}, 0, 0
    for device, wanted in planned.items():
        runs = read_runs(world.journal_of(device))
        faults += [f"{device}: {fault}" for fault in (*_counted(runs, set(wanted)), *_overlapping(runs))]
        whole += sum(run.cut_s is None for run in runs)
        cut += sum(run.cut_s is not None for run in runs)
        if runs:
            days[device] = _day(runs)
    return Audit(whole, cut, days, tuple(faults[:_MOST_TOLD]), len(faults))


def _counted(runs: Sequence[Run], wanted: set[str]) -> list[str]:
    times: dict[str, int] = dict.fromkeys(wanted, 0)
    faults = []
    for run in runs:
        if run.session_id not in wanted:
            faults.append(f"session {run.session_id} ran here and was not planned here")
        elif run.cut_s is None:
            times[run.session_id] += 1
    return faults + [f"session {name} ran {count} times" for name, count in sorted(times.items()) if count != 1]


def _overlapping(runs: Sequence[Run]) -> list[str]:
    ordered = sorted(runs, key=lambda run: run.begin_s)
    pairs = pairwise(ordered)
    return [
        f"session {after.session_id} began before {before.session_id} had ended"
        for before, after in pairs
        if after.begin_s < before.until_s
    ]


def _day(runs: Sequence[Run]) -> DeviceDay:
    """``runs``: at least one."""
    ordered = sorted(runs, key=lambda run: run.begin_s)
    work_s = sum(_free_s(run) - run.begin_s for run in ordered)
    gaps = [after.begin_s - _free_s(before) for before, after in pairwise(ordered)]
    return DeviceDay(len(runs), work_s, _free_s(ordered[-1]), np.array(gaps))


def _free_s(run: Run) -> float:
    """When its device could begin another."""
    return run.until_s if run.back_s is None else max(run.until_s, run.back_s)
