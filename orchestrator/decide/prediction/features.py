"""The few facts that a configuration's time on a device is told from, as logarithms around a middling phone.

Each has what physics says about its weight before anything was measured: a core that is twice as fast needs half the
time, or less of a gain where something else is the bottleneck. Measurements then say how far that is so.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.decide.prediction.configuration import INT8, Configuration
from orchestrator.decide.prediction.cores import INT8_OVER_FP32
from orchestrator.decide.prediction.device import CoreGroup, DeviceFacts

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Feature:
    """``weight`` and ``doubt``: mean and standard deviation of the log time's slope before any measurement.

    ``spread``: standard deviation of the feature over devices, which is the doubt where a device does not tell it; of
    the profiles that Earshot ships.
    """

    name: str
    weight: float
    doubt: float
    spread: float


CLOCK = Feature("clock of the fastest core used", -1.0, 0.2, 0.30)
LANES = Feature("fp32 multiply-adds a cycle", -0.6, 0.3, 0.50)
BANDWIDTH = Feature("memory bandwidth", -0.15, 0.2, 0.60)
BALANCE = Feature("mean speed of the cores used over the fastest", -0.6, 0.4, 0.20)
DOT = Feature("int8 multiply-adds an instruction", -0.35, 0.3, 0.75)
FEATURES = (CLOCK, LANES, BANDWIDTH, BALANCE, DOT)

# A middling phone: 2 GHz, two 128-bit pipelines, LPDDR4X of 64 bit at half its rate, int8 dot products.
_MIDDLE = {CLOCK: 2000.0, LANES: 8.0, BANDWIDTH: 25.0, DOT: INT8_OVER_FP32["dotprod"]}


def features_of(configuration: Configuration, device: DeviceFacts) -> Float | None:
    """Shape (len(FEATURES),), NaN where the device does not tell; None where it has not the cores that are wanted."""
    used = device.used(configuration.threads, configuration.cluster)
    if used is None:
        # Of a device whose cores nobody told everything is unknown, and it may still run it.
        return np.full(len(FEATURES), np.nan) if not device.groups else None
    fastest = used[0]
    kind = fastest.kind
    values = {
        CLOCK: fastest.max_mhz,
        LANES: kind.lanes if kind else None,
        BANDWIDTH: device.bandwidth_gb_s,
        DOT: INT8_OVER_FP32[kind.int8] if kind else None,
    }
    found = {feature: _log(value, _MIDDLE[feature]) for feature, value in values.items()}
    found[BALANCE] = _balance(used)
    if configuration.precision != INT8:
        found[DOT] = 0.0
    return np.array([found[feature] for feature in FEATURES])


def _log(value: float | None, middle: float) -> float:
    return math.nan if value is None else math.log(value / middle)


def _balance(used: tuple[CoreGroup, ...]) -> float:
    speeds = [group.speed for group in used]
    if len(used) == 1:
        return 0.0
    known = [speed for speed in speeds if speed is not None]
    if len(known) < len(speeds):
        return math.nan
    cores = sum(group.count for group in used)
    mean = sum(group.count * speed for group, speed in zip(used, known, strict=True)) / cores
    return math.log(mean / known[0])
