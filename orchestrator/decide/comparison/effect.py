"""The effect of B against A in one metric: its ratio with the interval over runs, and what may be said of it.

Paired by block where both have at least two blocks in common, else unpaired (Welch).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from orchestrator.decide.comparison.runs import Block, typical, values_of
from orchestrator.decide.selection.figures import Run
from orchestrator.decide.selection.words import NAMES, percent
from orchestrator.domain.calibration import Calibration
from orchestrator.domain.decision import METRICS
from orchestrator.statistics import power
from orchestrator.statistics.interval import Interval, not_estimable
from orchestrator.statistics.intervals import ratio_paired, ratio_unpaired

LESS, MORE, LEVEL, UNSURE = "less", "more", "no difference", "cannot say"
VERDICTS = (LESS, MORE, LEVEL, UNSURE)
_LEAST_PAIRS = 2


@dataclass(frozen=True)
class Effect:
    """``ratio`` is B / A; ``a`` and ``b`` are geometric means over runs, in ``unit``, None where they cannot be said.

    ``detectable``: the smallest true difference, as a share, that so many runs find on this device with 80 %; None
    where the device is not calibrated. ``more_runs``: how many more it takes to say, where ``verdict`` is that it
    cannot be said; None where not known. ``said`` is the verdict in words.
    """

    metric: str
    unit: str
    a: float | None
    b: float | None
    ratio: Interval
    paired: bool
    detectable: float | None
    verdict: str
    more_runs: int | None
    said: str

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"verdict must be one of {VERDICTS}, got {self.verdict!r}")


def effect_of(
    metric: str,
    a: Mapping[Block, Run],
    b: Mapping[Block, Run],
    *,
    wanted: float,
    calibration: Calibration | None = None,
    relative_only: bool = False,
) -> Effect:
    """``wanted``: the smallest difference that matters, as a share: nothing beyond it is called no difference."""
    mine, theirs = values_of(a, metric), values_of(b, metric)
    if isinstance(mine, str) or isinstance(theirs, str) or not mine or not theirs:
        reason = next((x for x in (mine, theirs) if isinstance(x, str)), "one side has no run that counts")
        absent = not_estimable(reason, 0)
        return Effect(
            metric, METRICS[metric], None, None, absent, False, None, UNSURE, None, f"{UNSURE}: {absent.reason}"
        )
    ratio, paired = ratio_of(mine, theirs)
    deviation = _deviation(mine, theirs, paired)
    verdict, more = _verdict(ratio, deviation, wanted)
    shown_a, shown_b = (None, None) if relative_only else (typical(mine), typical(theirs))
    detectable = _detectable(calibration, metric, ratio.n, paired)
    said = _said(metric, ratio, verdict, more, wanted, detectable)
    return Effect(metric, METRICS[metric], shown_a, shown_b, ratio, paired, detectable, verdict, more, said)


def ratio_of(a: Mapping[Block, float], b: Mapping[Block, float]) -> tuple[Interval, bool]:
    """B / A with its 95 % interval over runs, and whether blocks were paired. Values are > 0."""
    blocks = sorted(a.keys() & b.keys())
    if len(blocks) >= _LEAST_PAIRS:
        return ratio_paired([b[k] for k in blocks], [a[k] for k in blocks]), True
    return ratio_unpaired(list(b.values()), list(a.values())), False


def _deviation(a: Mapping[Block, float], b: Mapping[Block, float], paired: bool) -> float | None:
    """Of one pair's log ratio; of unpaired runs, of the difference of one run of each. None with one run a side."""
    if paired:
        logs = [math.log(b[k] / a[k]) for k in a.keys() & b.keys()]
        return float(np.std(logs, ddof=1))
    if min(len(a), len(b)) < 2:
        return None
    return math.sqrt(sum(float(np.var(np.log(list(side.values())), ddof=1)) for side in (a, b)))


def _verdict(ratio: Interval, deviation: float | None, wanted: float) -> tuple[str, int | None]:
    """What the interval says; where it says neither, how many more pairs would say one or the other."""
    if ratio.value is None or ratio.low is None or ratio.high is None or deviation is None:
        return UNSURE, None
    if ratio.high < 1.0:
        return LESS, None
    if ratio.low > 1.0:
        return MORE, None
    bound, found = math.log1p(wanted), abs(math.log(ratio.value))
    if max(math.log(ratio.high), -math.log(ratio.low)) <= bound:
        return LEVEL, None
    ways = [power.pairs_to_find(deviation, found) if found > 0 else None]
    ways.append(power.pairs_to_bound(deviation, bound - found) if found < bound else None)
    known = [pairs for pairs in ways if pairs is not None]
    return UNSURE, max(1, min(known) - ratio.n) if known else None


def _detectable(calibration: Calibration | None, metric: str, runs: int, paired: bool) -> float | None:
    noise = calibration.noise.get(metric) if calibration else None
    return None if noise is None else detectable_share(noise.paired, noise.between, noise.pairs, runs, paired)


def detectable_share(
    paired_deviation: float, between: float, pairs: int, runs: int, paired: bool = True
) -> float | None:
    """The minimum detectable effect of ``runs`` runs as a share, from deviations that ``pairs`` A/A pairs gave.

    The deviations are taken at their upper bound (``power.pilot_bound``). None for one run, which detects nothing.
    """
    if runs < 2:
        return None
    if paired:
        return math.expm1(power.detectable(power.pilot_bound(paired_deviation, pairs - 1), runs))
    return math.expm1(power.detectable_unpaired(power.pilot_bound(between, 2 * pairs - 1), runs))


def _said(metric: str, ratio: Interval, verdict: str, more: int | None, wanted: float, detectable: float | None) -> str:
    _, above, below = NAMES[metric]
    runs = "1 run" if ratio.n == 1 else f"{ratio.n} runs"
    if verdict == UNSURE:
        then = f"about {more} more would" if more else "at least 3 on each side are needed" if ratio.n < 2 else ""
        return f"{UNSURE} with {runs}" + (f": {then}" if then else "")
    if verdict == LEVEL:
        return f"no difference beyond the noise: less than {percent(wanted)} either way"
    assert ratio.value is not None
    said = f"B {_is(above if verdict == MORE else below)}"
    if detectable is not None and abs(math.log(ratio.value)) < math.log1p(detectable):
        said += f", though by less than the {percent(detectable)} that {runs} are sure to find here: run more"
    return said


def _is(word: str) -> str:
    """``slower``, or ``needs more memory``."""
    return f"needs {word}" if word.startswith(("more ", "less ", "fewer ")) else f"is {word}"
