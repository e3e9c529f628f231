"""Promise 5: how often a nominal 95 % interval holds the truth."""

import numpy as np

from orchestrator.decide.comparison.effect import effect_of
from orchestrator.decide.comparison.runs import Side, runs_of
from orchestrator.domain.session import Session
from orchestrator.measure.farm.interleave import block_order
from orchestrator.statistics.interval import Interval
from orchestrator.statistics.percentiles import percentile
from tests.orchestrator.decide.comparison.sides import FAST
from tests.promises.figures.row import Bound, Row
from tests.sessions import artifact, candidate
from tests.simulator.device import SimulatedDevice, linear
from tests.simulator.service import MS, Service
from tests.simulator.session import Asked, many_sessions, run_session

RECIPES = ("onnx:fp32", FAST)
# Each process has a level of its own; its chunks wander around it.
SERVICES = tuple(Service(median_ms, noise=0.10, correlation=0.9, process_noise=0.02) for median_ms in (2.0, 2.6))
BLOCKS, CHUNKS, ONE_RUN = 4, 60, 600


def covered(found: Interval, truth: float) -> bool:
    return found.low is not None and found.high is not None and found.low <= truth <= found.high


def ratio(trial: int) -> Interval:
    """B / A of interleaved sessions on a device that becomes 5 % slower, as ``earshot compare`` says it."""
    rng = np.random.default_rng([5, trial])
    device = SimulatedDevice(drift=linear(0.05, 2 * BLOCKS * CHUNKS * 2.3e-3))
    found: tuple[list[Session], list[Session]] = ([], [])
    for block in range(BLOCKS):
        for number in block_order((0, 1), block, trial):
            asked = Asked(candidate(RECIPES[number]), "flat-out", block)
            found[number].append(run_session(device, SERVICES[number].costs_ns(rng, CHUNKS), asked))
    a, b = (
        runs_of(Side(recipe, candidate(recipe), artifact(recipe), tuple(each))).good
        for recipe, each in zip(RECIPES, found, strict=True)
    )
    return effect_of("service_p50_ms", a, b, wanted=0.05).ratio


def rows(trials: int = 1500) -> list[Row]:
    with many_sessions():
        ours = np.mean([covered(ratio(trial), 1.3) for trial in range(trials)])
    # One long run, its chunks taken for independent.
    rng = np.random.default_rng(55)
    runs = [SERVICES[0].costs_ns(rng, ONE_RUN) / MS for _ in range(trials)]
    naive = np.mean([covered(percentile(run, 0.5), 2.0) for run in runs])
    return [
        Row(
            5,
            f"nominal 95 % intervals that hold the truth, of a ratio over {BLOCKS} interleaved runs a side",
            Bound(93, 97),
            100 * float(ours),
            100 * float(naive),
            "an interval over the chunks of one run",
        )
    ]
