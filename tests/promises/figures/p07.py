"""Promise 7: what kind of run it was, and what is left out of it. What warms up, throttles or wanders is the device."""

from collections.abc import Callable

import numpy as np

from orchestrator.statistics.warmup import FLAT, NO_STEADY_STATE, SLOWDOWN, WARM_UP, WarmUp, classify
from tests.promises.figures.row import Row, at_least, at_most
from tests.sessions import CHUNK_NS, SAMPLE_RATE_HZ
from tests.simulator.device import SimulatedDevice
from tests.simulator.power import Draw
from tests.simulator.service import MS, Service
from tests.simulator.session import run_session
from tests.simulator.thermal import Cooling

CHUNKS = 1000
RUN_S = CHUNKS * CHUNK_NS / 1e9
STEADY = Service(2.0, noise=0.03, correlation=0.5)
STALLS = Service(2.0, noise=0.03, correlation=0.5, stall_ms=40.0, stall_every=125)
COLD = Service(2.0, noise=0.03, correlation=0.5, warm_up=1.0, warm_up_chunks=60.0)
FIXED_COUNT = 50
Made = tuple[SimulatedDevice, Service]


def flat(rng: np.random.Generator) -> Made:
    return SimulatedDevice(), STEADY


def stalls(rng: np.random.Generator) -> Made:
    return SimulatedDevice(), STALLS


def warm_up(rng: np.random.Generator) -> Made:
    return SimulatedDevice(), COLD


def throttled(rng: np.random.Generator) -> Made:
    """It passes its trip point between a third and two thirds of the run, and is too warm to recover."""
    draw, at_s = Draw(2.0, 40.0), rng.uniform(0.3, 0.6) * RUN_S
    mean_w = draw.idle_w + draw.busy_w * (2.0 * MS + 200_000) / CHUNK_NS
    cooling = Cooling(time_constant_s=20.0, resistance_c_per_w=12.0, hysteresis_c=50.0)
    trip_c = cooling.after_c(cooling.ambient_c, mean_w, at_s)
    return SimulatedDevice(cooling=Cooling(25.0, 12.0, 20.0, trip_c, 50.0, 0.75), draw=draw), STEADY


def wandering(rng: np.random.Generator) -> Made:
    """Others come and go: another level every tenth of the run, the last one no longer than the others."""
    levels = 1.25 ** np.tile([0, 2, 1, 3], 3)[:10]
    return SimulatedDevice(drift=lambda at_s: float(levels[min(9, int(10 * at_s / RUN_S))])), STEADY


CLASSES: dict[Callable[[np.random.Generator], Made], str] = {
    flat: FLAT,
    stalls: FLAT,
    warm_up: WARM_UP,
    throttled: SLOWDOWN,
    wandering: NO_STEADY_STATE,
}


def service_ms(kind: Callable[[np.random.Generator], Made], seed: int) -> np.ndarray:
    """Of one session."""
    rng = np.random.default_rng([7, seed])
    device, service = kind(rng)
    found = run_session(device, service.costs_ns(rng, CHUNKS)).timeline(SAMPLE_RATE_HZ)
    return found.service_ns / MS


def rows(trials: int = 60) -> list[Row]:
    right, ours, naive = [], [], []
    for kind, name in CLASSES.items():
        for seed in range(trials):
            times = service_ms(kind, seed)
            found: WarmUp = classify(times)
            right.append(found.kind == name)
            if kind is warm_up:
                ours.append(abs(times[found.skip :].mean() / 2.0 - 1.0))
                naive.append(abs(times[FIXED_COUNT:].mean() / 2.0 - 1.0))
    calm = sum(name == FLAT for name in CLASSES.values()) / len(CLASSES)
    return [
        Row(
            7,
            "runs whose kind is told right: flat, with stalls, warming up, throttling on the way, never steady",
            at_least(95),
            100 * float(np.mean(right)),
            100 * calm,
            "every run is taken for steady",
        ),
        Row(
            7,
            "largest error of the mean service time of a run that warms up, once its warm-up is left out",
            at_most(2),
            100 * float(np.max(ours)),
            100 * float(np.max(naive)),
            f"the first {FIXED_COUNT} chunks go",
        ),
    ]
