"""Simulated nights with a known answer, to try detectors on; never evidence about a device."""

import math
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from orchestrator.decide.comparison.runs import Block
from orchestrator.domain.night_series import Axes, Night, Series, SeriesKey
from orchestrator.domain.regression import ConfirmationRequest

FIRST = date(2026, 1, 1)
# The level around which all moves, in ms.
_BASE_MS = 4.0
NONE, STEP, RAMP, SPREAD_CHANGE, DEVICE_STEP = "none", "step", "ramp", "spread", "device step"


@dataclass(frozen=True)
class World:
    """Deviations and sizes of logarithms. ``night_noise``: what all runs of a night have in common, AR(1) with
    ``memory``; ``run_noise``: what each process has of its own. ``odd_nights``, ``odd_runs``: shares that are off by
    ``odd`` (its deviation). ``lab_drift``: height of a slow wave, and of a week of heat, that all devices share.
    """

    nights: int = 60
    runs: int = 6
    night_noise: float = 0.018
    run_noise: float = 0.02
    memory: float = 0.0
    odd_nights: float = 0.0
    odd_runs: float = 0.0
    odd: float = 0.15
    lab_drift: float = 0.0


# A night's figure, the median of its runs, differs by 2 % from the night before's.
WORLDS = {
    "iid 2 %": World(),
    "7 % outliers": World(odd_nights=0.07, odd_runs=0.02),
    "AR(0.5)": World(memory=0.5),
    "lab-wide drift": World(lab_drift=0.04),
}


@dataclass(frozen=True)
class Change:
    """``size``: a share; of a spread, how many times as large the run noise becomes. A ramp takes ``ramp_nights``."""

    kind: str = NONE
    size: float = 0.0
    ramp_nights: int = 14


@dataclass(frozen=True, eq=False)
class Made:
    """A series and its device's reference model. ``begin``: index of the change's first night, None without one.

    ``level`` and ``run_noise``: of the model, by night; ``common``: what the device did that night.
    """

    series: Series
    reference: Series
    world: World
    change: Change
    begin: int | None
    level: NDArray[np.float64]
    run_noise: NDArray[np.float64]
    common: NDArray[np.float64]

    def until(self, night: int) -> tuple[Series, Series]:
        """What was known on that night: series and reference."""
        return (
            Series(self.series.key, self.series.nights[: night + 1]),
            Series(self.reference.key, self.reference.nights[: night + 1]),
        )

    def rerun(
        self, asked: ConfirmationRequest, rng: np.random.Generator
    ) -> tuple[dict[Block, float], dict[Block, float]]:
        """Runs of old and new by block, all in the new one's night: what it does to the device, it does to both."""
        old, new = (index_of(night) for night in (asked.old, asked.new))
        sides = []
        for side in (old, new):
            logs = self.level[side] + self.common[new] + self._runs(rng, asked.pairs, float(self.run_noise[side]))
            sides.append({(f"look {asked.look}", i): _ms(x) for i, x in enumerate(logs)})
        return sides[0], sides[1]

    def _runs(self, rng: np.random.Generator, count: int, noise: float) -> NDArray[np.float64]:
        return _run_noise(self.world, rng, count, noise)


def make_nights(world: World, change: Change, seed: int, count: int) -> list[Made]:
    """``count`` series, each on a device of its own, of one lab: they share what the lab does. The same seed gives the
    same nights; every night has a model of its own, as after a commit a day.
    """
    lab = _lab(world, np.random.default_rng([seed, 0]))
    return [_make(world, change, np.random.default_rng([seed, 1 + i]), i, lab) for i in range(count)]


def index_of(night: Night) -> int:
    return (date.fromisoformat(night.at) - FIRST).days


def _make(world: World, change: Change, rng: np.random.Generator, number: int, lab: NDArray[np.float64]) -> Made:
    n = world.nights
    begin = None if change.kind == NONE else int(rng.integers(n // 2, n - n // 4))
    level, noise, device = np.zeros(n), np.full(n, world.run_noise), np.zeros(n)
    if begin is not None:
        ramp = change.ramp_nights if change.kind == RAMP else 1
        part = np.clip((np.arange(n) - begin + 1) / ramp, 0.0, 1.0) * math.log1p(change.size)
        if change.kind == SPREAD_CHANGE:
            noise[begin:] *= change.size
        elif change.kind == DEVICE_STEP:
            device = part
        else:
            level = part
    common = lab + device + _night_noise(world, rng)
    mine = _series(world, rng, f"device-{number:04d}", "model", level + common, noise, pushed=True)
    plain = np.full(n, world.run_noise)
    # The reference meets the same device, and wanders on its own as well.
    theirs = lab + device + _night_noise(world, rng)
    reference = _series(world, rng, f"device-{number:04d}", "reference", theirs, plain, pushed=False)
    return Made(mine, reference, world, change, begin, level, noise, common)


def _lab(world: World, rng: np.random.Generator) -> NDArray[np.float64]:
    at = np.arange(world.nights)
    wave = np.sin(2.0 * math.pi * (at / world.nights + rng.uniform()))
    hot = int(rng.integers(world.nights // 3, world.nights - 7))
    return world.lab_drift * (0.5 * wave + ((at >= hot) & (at < hot + 7)))


def _night_noise(world: World, rng: np.random.Generator) -> NDArray[np.float64]:
    steps = rng.standard_normal(world.nights)
    x = np.empty(world.nights)
    x[0] = steps[0]
    for i in range(1, world.nights):
        x[i] = world.memory * x[i - 1] + math.sqrt(1.0 - world.memory**2) * steps[i]
    odd = (rng.random(world.nights) < world.odd_nights) * world.odd * rng.standard_normal(world.nights)
    return world.night_noise * x + odd


def _run_noise(world: World, rng: np.random.Generator, count: int, noise: float) -> NDArray[np.float64]:
    odd = (rng.random(count) < world.odd_runs) * np.abs(world.odd * rng.standard_normal(count))
    return noise * rng.standard_normal(count) + odd


def _series(
    world: World,
    rng: np.random.Generator,
    device: str,
    model: str,
    logs: NDArray[np.float64],
    noise: NDArray[np.float64],
    *,
    pushed: bool,
) -> Series:
    key = SeriesKey(device, model, "onnxruntime", "CPUExecutionProvider", "fp32", "paced", "latency_p50_ms")
    nights = []
    for i, x in enumerate(logs):
        runs = tuple(_ms(float(x) + run) for run in _run_noise(world, rng, world.runs, float(noise[i])))
        commit = f"c{i:03d}" if pushed else "c000"
        axes = Axes(model_commit=commit, exporter="onnx 1.23", runtime="1.31.1", os_build="12.1", device_unit=device)
        nights.append(Night((FIRST + timedelta(days=i)).isoformat(), runs, f"{model}-{commit}", axes))
    return Series(key, tuple(nights))


def _ms(log: float) -> float:
    return _BASE_MS * math.exp(log)
