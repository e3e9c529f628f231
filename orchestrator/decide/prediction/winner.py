"""From draws of what every configuration would take on a device to the one to ship, and what that may cost."""

from dataclasses import dataclass

import numpy as np

from orchestrator.decide.prediction.features import Float


@dataclass(frozen=True)
class Picked:
    """``index`` of the configuration with the smallest expected regret: how much slower it is than the best, as a
    share, over what the device may turn out to be. ``best``: chance of each to be the best.
    """

    index: int
    expected_regret: float
    regret_95: float
    best: tuple[float, ...]


def pick(drawn: Float) -> Picked:
    """``drawn``: log times, shape (draws, configurations)."""
    regrets = np.expm1(drawn - drawn.min(axis=1, keepdims=True))
    expected = regrets.mean(axis=0)
    index = int(np.argmin(expected))
    counts = np.bincount(np.argmin(drawn, axis=1), minlength=drawn.shape[1])
    return Picked(
        index,
        float(expected[index]),
        float(np.quantile(regrets[:, index], 0.95)),
        tuple(float(share) for share in counts / len(drawn)),
    )
