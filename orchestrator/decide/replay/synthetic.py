"""Simulated matrices with a known answer, to try strategies on; never evidence about a device."""

from dataclasses import dataclass

import numpy as np

from orchestrator.decide.replay.matrix import Matrix, Row

DEVICE = "simulated"
RUNS = 10
# A process that starts in a slow mode, for example on the small cores.
SLOW = 1.25


@dataclass(frozen=True)
class World:
    """``near``: share of the candidates within 12 % of the best. Shares of candidates that always fall back, fail, lose
    too much quality or have no figure; of runs that throttle, start slow or lack their figure.
    """

    candidates: int
    near: float | None = None
    equal: bool = False
    noise: float = 0.03
    fallback: float = 0.08
    failed: float = 0.04
    lossy: float = 0.15
    unmeasured: float = 0.04
    throttled_runs: float = 0.03
    slow_runs: float = 0.0
    missing_runs: float = 0.02


@dataclass(frozen=True)
class Made:
    """``truth``: candidate -> its true figure in ms, only of those that may win."""

    matrix: Matrix
    truth: dict[str, float]

    def regret(self, winner: str | None) -> float:
        """How much slower than the true best, as a share; infinite where it must not win."""
        if winner not in self.truth:
            return float("inf")
        return self.truth[winner] / min(self.truth.values()) - 1


def make_matrix(world: World, seed: int) -> Made:
    """The same seed gives the same matrix. The true best may always win."""
    rng = np.random.default_rng([seed, world.candidates])
    true_ms = 5.0 * _levels(world, rng)
    kinds = _kinds(world, rng, int(np.argmin(true_ms)))
    rows: dict[str, list[Row]] = {}
    truth = {}
    for i, (level_ms, kind) in enumerate(zip(true_ms, kinds, strict=True)):
        name = f"candidate-{i:03d}"
        rows[name] = [_row(world, rng, name, run, float(level_ms), kind) for run in range(RUNS)]
        if kind == "good":
            truth[name] = float(level_ms)
    return Made(Matrix(DEVICE, rows), truth)


def _levels(world: World, rng: np.random.Generator) -> np.ndarray:
    count = world.candidates
    if world.equal:
        return np.ones(count)
    if world.near is None:
        return 1 + rng.exponential(0.5, count)
    near = round(count * world.near)
    found: np.ndarray = rng.permutation(np.r_[1 + rng.uniform(0, 0.12, near), 1.12 + rng.uniform(0, 2, count - near)])
    return found


def _kinds(world: World, rng: np.random.Generator, best: int) -> list[str]:
    names = ("fallback", "failed", "lossy", "unmeasured")
    shares = [getattr(world, name) for name in names]
    kinds = rng.choice(["good", *names], size=world.candidates, p=[1 - sum(shares), *shares]).tolist()
    if not world.equal:
        kinds[best] = "good"
    return [str(kind) for kind in kinds]


def _row(world: World, rng: np.random.Generator, name: str, run: int, level_ms: float, kind: str) -> Row:
    loss = 0.05 if kind == "lossy" else 0.002
    always = {"size_mb": 1.0, "quality_loss": loss}
    if kind in ("fallback", "failed"):
        # What falls back to the CPU still gives figures, and fine ones.
        figures = {"service_p50_ms": level_ms * 0.5} if kind == "fallback" else {}
        return Row(DEVICE, name, run, kind, 5.0, always | figures)
    slow = SLOW if rng.random() < world.slow_runs else 1.0
    value = level_ms * slow * float(np.exp(rng.normal(0, world.noise)))
    if rng.random() < world.throttled_runs:
        return Row(DEVICE, name, run, "throttled", 5.0, always | {"service_p50_ms": 2 * value})
    if kind == "unmeasured" or rng.random() < world.missing_runs:
        return Row(DEVICE, name, run, "ok", 5.0, always)
    return Row(DEVICE, name, run, "ok", 5.0, always | {"service_p50_ms": value})
