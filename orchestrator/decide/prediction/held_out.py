"""Leave one device out: what would have been predicted for each measured device from all the others."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from orchestrator.decide.prediction.cells import LEAST_OF_A_CONFIGURATION, Cell
from orchestrator.decide.prediction.configuration import Configuration
from orchestrator.decide.prediction.features import Float
from orchestrator.decide.prediction.posterior import Posterior, Sampled, draw
from orchestrator.decide.prediction.winner import pick

_DRAWS = 2000


@dataclass(frozen=True)
class DeviceHeldOut:
    """One device as the others predict it. ``error``: median of |predicted / measured| as a factor - 1.

    ``regret``: how much slower the predicted winner is than the measured best of the same configurations;
    ``popular_regret``: the same for what wins most often on the others.
    """

    device: str
    configurations: int
    error: float
    within_80: float
    within_95: float
    predicted_winner: str
    regret: float
    popular_regret: float


@dataclass(frozen=True)
class HeldOut:
    """``error``: median over devices. ``coverage_80``: share of measured times within the intervals that say 80 %."""

    devices: tuple[DeviceHeldOut, ...]

    @property
    def error(self) -> float | None:
        return float(np.median([d.error for d in self.devices])) if self.devices else None

    @property
    def coverage_80(self) -> float | None:
        return self._mean("within_80")

    @property
    def coverage_95(self) -> float | None:
        return self._mean("within_95")

    @property
    def regret(self) -> float | None:
        return self._mean("regret")

    @property
    def popular_regret(self) -> float | None:
        return self._mean("popular_regret")

    def _mean(self, name: str) -> float | None:
        if not self.devices:
            return None
        counts = [d.configurations if name.startswith("within") else 1 for d in self.devices]
        return float(np.average([getattr(d, name) for d in self.devices], weights=counts))


def hold_out(posterior: Posterior, shippable: Sequence[Configuration]) -> HeldOut:
    """Of each device that ran two or more of ``shippable`` which two other devices ran too."""
    names = {configuration.name for configuration in shippable}
    devices = dict.fromkeys(cell.device.name for cell in posterior.cells)
    found = (_one(posterior, device, names) for device in devices)
    return HeldOut(tuple(one for one in found if one is not None))


def _one(posterior: Posterior, device: str, shippable: set[str]) -> DeviceHeldOut | None:
    own = [i for i, cell in enumerate(posterior.cells) if cell.device.name == device]
    others = [cell for cell in posterior.cells if cell.device.name != device]
    counts = Counter(cell.configuration.name for cell in others)
    names = [posterior.cells[i].configuration.name for i in own]
    kept = [k for k, name in enumerate(names) if name in shippable and counts[name] >= LEAST_OF_A_CONFIGURATION]
    if len(kept) < 2:
        return None
    measured = np.array([posterior.cells[own[k]].log_ms for k in kept])
    drawn = predicted_without(posterior, own)[:, kept]
    low95, low80, middle, high80, high95 = np.quantile(drawn, [0.025, 0.1, 0.5, 0.9, 0.975], axis=0)
    winner = pick(drawn).index
    popular = _popular(others, [names[k] for k in kept])
    return DeviceHeldOut(
        device=device,
        configurations=len(kept),
        error=float(np.expm1(np.median(np.abs(middle - measured)))),
        within_80=float(np.mean((low80 <= measured) & (measured <= high80))),
        within_95=float(np.mean((low95 <= measured) & (measured <= high95))),
        predicted_winner=names[kept[winner]],
        regret=float(np.expm1(measured[winner] - measured.min())),
        popular_regret=float(np.expm1(measured[popular] - measured.min())),
    )


def predicted_without(posterior: Posterior, left_out: list[int]) -> Float:
    """Draws of these cells as all others predict them, noise of their runs included; shape (draws, len(left_out)).

    From the inverse of the whole covariance, so that nothing is fitted again; the samples of the unknowns, which have
    seen these cells, count by how little they owe to them (importance weights, truncated as in Ionides 2008).
    """
    parts = [_without(posterior, sample, left_out) for sample in posterior.samples]
    weights = np.array([weight for _, _, weight in parts])
    weights = np.exp(weights - weights.max())
    weights = np.minimum(weights, weights.mean() * np.sqrt(len(weights)))
    rng = posterior.draws()
    counts = np.maximum(1, np.round(_DRAWS * weights / weights.sum())).astype(int)
    drawn = [draw(mean, spread, count, rng) for (mean, spread, _), count in zip(parts, counts, strict=True)]
    return np.concatenate(drawn)


def _without(posterior: Posterior, sample: Sampled, left_out: list[int]) -> tuple[Float, Float, float]:
    block = sample.inverse[np.ix_(left_out, left_out)]
    spread = np.asarray(np.linalg.inv(block), dtype=np.float64)
    off = spread @ sample.weights[left_out]
    _, log_determinant = np.linalg.slogdet(spread)
    log_density = -0.5 * off @ block @ off - 0.5 * log_determinant
    return posterior.logs[left_out] - off, spread, float(-log_density)


def _popular(others: Sequence[Cell], names: Sequence[str]) -> int:
    """Index of the one of ``names`` that is the fastest of them on most of the other devices."""
    best: dict[str, tuple[float, str]] = {}
    for cell in others:
        if cell.configuration.name in names:
            time = (cell.log_ms, cell.configuration.name)
            best[cell.device.name] = min(time, best.get(cell.device.name, time))
    wins = Counter(name for _, name in best.values())
    return max(range(len(names)), key=lambda index: wins[names[index]])
