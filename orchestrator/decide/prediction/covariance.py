"""How alike two cells are before anything was measured: the model, as one covariance of log times.

log time = configuration + features of the device + what the device does otherwise + what only this pair does.

What a device does otherwise has a part that all configurations share, and parts that those share which have the same
precision, engine, kernels or number of threads; each of them belongs in part to the kind of core, to the chip and to
the device model. So a measured sibling (the same chip in another phone) says more than a stranger.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from orchestrator.decide.prediction.configuration import INT8, Configuration
from orchestrator.decide.prediction.device import DeviceFacts
from orchestrator.decide.prediction.features import BANDWIDTH, DOT, FEATURES, Float, features_of

Pair = tuple[DeviceFacts, Configuration]

_WEIGHTS = np.array([f.weight for f in FEATURES])
# The slope of what makers seldom tell is sampled, because the doubt where they do not tell it grows with it; the
# others' are integrated out.
_SAMPLED = FEATURES.index(BANDWIDTH)
_DOUBTS = np.array([0.0 if f is BANDWIDTH else f.doubt for f in FEATURES])
_SPREADS = np.array([f.spread for f in FEATURES])
# A configuration may take a thousandth or a thousand times of another one: wide enough to say nothing.
_ANY_CONFIGURATION = 2.0**2
_ANY_LEVEL = 3.0**2

# What can be learnt, by its name: median and spread (of the logarithm) of each standard deviation before measurements.
# 20 % between devices beyond what clocks tell, 5 to 10 % for each kind of kernels: the size of what is seen between
# boards with the same cores.
SCALES = {
    "all": (0.20, 0.5),
    "precision": (0.10, 0.6),
    "engine": (0.08, 0.6),
    "kernels": (0.06, 0.6),
    "threads": (0.08, 0.6),
    "own": (0.05, 0.6),
    "slopes": (0.08, 0.6),
}
# Beside them logits, which share of it belongs to kinds of cores, and to chips, against the device model's own: of what
# all configurations share, and of the rest, because how well a kernel fits a core says nothing about how fast a phone's
# memory is. And the slope of the memory bandwidth.
UNKNOWNS = len(SCALES) + 5
_SHARED, _REST = slice(-5, -3), slice(-3, -1)


@dataclass(frozen=True, eq=False)
class Design:
    """What of each pair the covariance is made from; ``features`` shape (n, len(FEATURES)), zero where not told."""

    features: Float
    untold: Float
    device: np.ndarray
    chip: np.ndarray
    core: np.ndarray
    configuration: np.ndarray
    kinds: dict[str, np.ndarray]

    def prior_mean(self, unknowns: Float) -> Float:
        mean: Float = self.features @ _slopes(unknowns)
        return mean


def design(pairs: Sequence[Pair]) -> Design:
    """Raises ValueError for a configuration that its device has no cores for."""
    rows = [features_of(configuration, device) for device, configuration in pairs]
    if any(row is None for row in rows):
        raise ValueError("a configuration wants cores that its device does not have")
    features = np.array(rows, dtype=np.float64).reshape(len(pairs), len(FEATURES))
    untold = np.isnan(features)
    untold[[configuration.precision != INT8 for _, configuration in pairs], FEATURES.index(DOT)] = False
    kinds = {
        "precision": [c.precision for _, c in pairs],
        "engine": [c.engine for _, c in pairs],
        "kernels": [c.kernels for _, c in pairs],
        "threads": [str(c.threads) for _, c in pairs],
    }
    return Design(
        features=np.nan_to_num(features, nan=0.0),
        untold=untold.astype(np.float64),
        device=np.array([d.name for d, _ in pairs]),
        chip=np.array([d.soc or f"of {d.name}" for d, _ in pairs]),
        core=np.array([_core(d, c) for d, c in pairs]),
        configuration=np.array([c.name for _, c in pairs]),
        kinds={kind: np.array(values) for kind, values in kinds.items()},
    )


def _core(device: DeviceFacts, configuration: Configuration) -> str:
    used = device.used(configuration.threads, configuration.cluster)
    return used[0].core if used else f"of {device.name}"


class Kinship:
    """The parts of the covariance between two designs; ``at`` puts them together for some unknowns."""

    def __init__(self, rows: Design, columns: Design) -> None:
        same = {
            name: _same(getattr(rows, name), getattr(columns, name))
            for name in ("device", "chip", "core", "configuration")
        }
        self._levels = (same["core"], same["chip"], same["device"])
        alike = {kind: _same(rows.kinds[kind], columns.kinds[kind]) for kind in rows.kinds}
        self._kinds = alike
        self._own = same["device"] * same["configuration"]
        products = rows.features @ columns.features.T
        self._slopes = products * alike["precision"]
        # Devices with one chip do not tell the same thing: what it is, is the same for both.
        both = zip(rows.untold.T, columns.untold.T, strict=True)
        self._untold = np.stack([np.outer(left, right) * same["chip"] for left, right in both])
        known = (rows.features * _DOUBTS**2) @ columns.features.T
        self._fixed = _ANY_LEVEL + _ANY_CONFIGURATION * same["configuration"] + known

    def at(self, unknowns: Float) -> Float:
        """``unknowns``: shape (UNKNOWNS,), each a standard normal before measurements."""
        scale = scales(unknowns)
        shared, rest = self._level(unknowns[_SHARED]), self._level(unknowns[_REST])
        kinds = sum(scale[kind] ** 2 * alike for kind, alike in self._kinds.items())
        # The slope and its own doubt: both multiply what is not told.
        untold = np.tensordot((_slopes(unknowns) ** 2 + _DOUBTS**2) * _SPREADS**2, self._untold, 1)
        otherwise = scale["all"] ** 2 * shared + rest * kinds
        total: Float = self._fixed + scale["slopes"] ** 2 * self._slopes + scale["own"] ** 2 * self._own + untold
        return total + otherwise

    def _level(self, logits: Float) -> Float:
        level: Float = np.tensordot(np.array(level_shares(logits)), np.stack(self._levels), 1)
        return level


def _slopes(unknowns: Float) -> Float:
    slopes = _WEIGHTS.copy()
    slopes[_SAMPLED] += BANDWIDTH.doubt * unknowns[-1]
    return slopes


def scales(unknowns: Float) -> dict[str, float]:
    return {
        name: float(median * np.exp(spread * z))
        for (name, (median, spread)), z in zip(SCALES.items(), unknowns, strict=False)
    }


def level_shares(logits: Float) -> tuple[float, float, float]:
    """Of the kind of core, the chip, the device model; they sum to 1."""
    weights = np.exp(np.array([*logits, 0.0]))
    core, chip, own = weights / weights.sum()
    return float(core), float(chip), float(own)


def _same(rows: np.ndarray, columns: np.ndarray) -> Float:
    equal: Float = (rows[:, None] == columns[None, :]).astype(np.float64)
    return equal
