"""Energy from the readings of a power sensor, and how far it is known. A gap is marked and never bridged.

Samples: E = sum((P_i + P_{i+1}) / 2 * dt). Counters, which miss nothing between two readings: differences.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.statistics.gaps import known_steps, longest_step

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]

# Below this share of a window its energy is not estimable.
LEAST_COVERAGE = 0.8
LEAST_READINGS = 5
# Spread of the intervals (90th minus 10th percentile, over the median) below which a rate counts as fixed. Jittered
# ones have 0.3 and 0.8, timers of an idle machine 0.01.
_FIXED_RATE_SPREAD = 0.1
# Of a chunk's phases: the longest stretch that a fixed rate may leave unseen.
_UNSEEN_SHARE = 0.05


@dataclass(frozen=True)
class Energy:
    """Of ``covered_s`` seconds of a window; the other ``gap_s`` are unknown, in ``gaps`` stretches.

    ``energy_j`` None: not estimable, and ``reason`` why. ``uncertainty_j``: standard uncertainty, from the spacing of
    the readings and from the clock. ``readings``: those in the window. ``missed_s``: the length of the gaps; the rest
    of ``gap_s`` lies between the window's ends and the reading next to them.
    """

    energy_j: float | None
    uncertainty_j: float
    covered_s: float
    gap_s: float
    gaps: int
    readings: int
    reason: str | None = None
    missed_s: float = 0.0

    @property
    def power_w(self) -> float | None:
        """Mean over what is covered."""
        return None if self.energy_j is None else self.energy_j / self.covered_s

    @property
    def coverage(self) -> float:
        return self.covered_s / (self.covered_s + self.gap_s)


@dataclass(frozen=True)
class _Pieces:
    """Stretches between two readings that are known, cut to the window, in s from its begin."""

    left_s: Float64
    right_s: Float64
    energy_j: Float64


def energy_of_samples(t_ns: Int64, power_w: Float64, begin_ns: int, end_ns: int, clock_ns: int = 0) -> Energy:
    """Energy between two moments from readings in W, NaN where one failed. ``clock_ns``: by how much ``t_ns`` may be
    off as a whole. Raises ValueError for times that run backwards or an empty window.
    """
    seconds, window_s = _seconds(t_ns, power_w, begin_ns, end_ns)
    if len(seconds) < 2:
        return _nothing(seconds, power_w, window_s)
    limit_s, known = longest_step(seconds), known_steps(seconds, power_w)
    at_s, step_s = seconds[:-1][known], np.diff(seconds)[known]
    before, rise = power_w[:-1][known], np.diff(power_w)[known]
    left, right = np.clip(at_s, 0.0, window_s), np.clip(at_s + step_s, 0.0, window_s)
    middle = before + rise * ((left + right) / 2 - at_s) / step_s
    pieces = _Pieces(left, right, middle * (right - left))
    # Within an interval the power may have been anything like its two ends: for independent readings of spread s the
    # sum below is s dt sqrt(n), the error of such a mean.
    spacing_j = math.sqrt(0.5 * float(np.sum((rise * (right - left)) ** 2)))
    shift_j = clock_ns / 1e9 * float(np.ptp(before)) if len(before) else 0.0
    return _judged(pieces, math.hypot(spacing_j, shift_j), limit_s, window_s, _inside(seconds, power_w, window_s))


def energy_of_counter(
    t_ns: Int64,
    energy_j: Float64,
    begin_ns: int,
    end_ns: int,
    *,
    range_j: float | None = None,
    most_w: float = math.inf,
    clock_ns: int = 0,
) -> Energy:
    """Energy between two moments from a counter in J, NaN where a reading failed: it counts on through a few of those.

    A counter that falls has wrapped where ``range_j`` says at what, and the power that this means is at most
    ``most_w``; else it was set back, and what it counted is lost: a gap. So is a rise beyond ``most_w``, and a long
    stretch without readings, in which it may have started anew. Raises ValueError as ``energy_of_samples``.
    """
    seconds, window_s = _seconds(t_ns, energy_j, begin_ns, end_ns)
    inside = _inside(seconds, energy_j, window_s)
    finite = np.isfinite(energy_j)
    if finite.sum() < 2:
        return _nothing(seconds, energy_j, window_s)
    limit_s = longest_step(seconds)
    at_s, counted_j = seconds[finite], energy_j[finite]
    step_s, step_j = np.diff(at_s), np.diff(counted_j)
    if range_j is not None:
        step_j = np.where(step_j < 0, step_j + range_j, step_j)
    known = (step_s > 0) & (step_s <= limit_s) & (step_j >= 0) & (step_j <= most_w * step_s)
    at_s, step_s, step_j = at_s[:-1][known], step_s[known], step_j[known]
    left, right = np.clip(at_s, 0.0, window_s), np.clip(at_s + step_s, 0.0, window_s)
    pieces = _Pieces(left, right, step_j * (right - left) / step_s)
    # At either end of the window the part of one step is known to within that step: uniform, step / sqrt(12).
    touched = step_j[right > left]
    edges_j = math.sqrt(2 / 12) * float(touched.max()) if len(touched) else 0.0
    shift_j = clock_ns / 1e9 * float(np.ptp(step_j / step_s)) if len(step_j) else 0.0
    return _judged(pieces, math.hypot(edges_j, shift_j), limit_s, window_s, inside)


def in_step(t_ns: Int64, period_ns: int) -> str | None:
    """Why readings at these moments say nothing about what repeats every ``period_ns``: they come at a fixed rate that
    always meets the same phases of it. None where they do not. Not for readings that are means, or of a counter.
    """
    if len(t_ns) < 2:
        return None
    steps_ns = np.diff(t_ns)
    low, middle, high = np.quantile(steps_ns, (0.1, 0.5, 0.9))
    if middle <= 0 or (high - low) / middle >= _FIXED_RATE_SPREAD:
        return None
    phases = np.sort((t_ns % period_ns) / period_ns)
    unseen = float(np.max(np.diff(np.append(phases, phases[0] + 1.0))))
    if unseen <= _UNSEEN_SHARE:
        return None
    return (
        f"read every {middle / 1e6:.4g} ms, in step with what repeats every {period_ns / 1e6:.4g} ms: "
        f"{100 * unseen:.0f} % of each is never seen; jitter the readings, or let the meter average them"
    )


def _seconds(t_ns: Int64, values: Float64, begin_ns: int, end_ns: int) -> tuple[Float64, float]:
    if len(t_ns) != len(values):
        raise ValueError(f"every reading needs its time, got {len(values)} readings and {len(t_ns)} times")
    if end_ns <= begin_ns:
        raise ValueError(f"a window must end after it begins, got {begin_ns}..{end_ns} ns")
    if (np.diff(t_ns) < 0).any():
        raise ValueError("the times of readings must not run backwards")
    # Whole ns first: in float64 a clock of some days has lost its last digits.
    return (np.asarray(t_ns, dtype=np.int64) - begin_ns) / 1e9, (end_ns - begin_ns) / 1e9


def _inside(seconds: Float64, values: Float64, window_s: float) -> int:
    return int((np.isfinite(values) & (seconds >= 0.0) & (seconds <= window_s)).sum())


def _nothing(seconds: Float64, values: Float64, window_s: float) -> Energy:
    return Energy(None, 0.0, 0.0, window_s, 1, _inside(seconds, values, window_s), "fewer than two readings", window_s)


def _judged(pieces: _Pieces, uncertainty_j: float, limit_s: float, window_s: float, readings: int) -> Energy:
    some = pieces.right_s > pieces.left_s
    left, right = pieces.left_s[some], pieces.right_s[some]
    covered_s = float((right - left).sum())
    gap_s = max(0.0, window_s - covered_s)
    # A last reading shortly before the end of the window is no gap of the sensor's.
    ends = [float(left[0]), window_s - float(right[-1])] if len(left) else [math.inf]
    inner = left[1:] - right[:-1]
    missed = [*inner[inner > 1e-9].tolist(), *(min(edge, window_s) for edge in ends if edge > limit_s)]
    energy_j: float | None = float(pieces.energy_j[some].sum())
    reason = None
    if covered_s < LEAST_COVERAGE * window_s:
        reason = f"known for {covered_s:.3g} s of {window_s:.3g} s only"
    elif readings < LEAST_READINGS:
        reason = f"{readings} readings in {window_s:.3g} s, and {LEAST_READINGS} are needed"
    if reason is not None:
        energy_j = None
    return Energy(energy_j, uncertainty_j, covered_s, gap_s, len(missed), readings, reason, sum(missed))
