"""Promise 13: whether a candidate wins whose device throttled, before its sessions or while they ran."""

import numpy as np

from agents import wire
from orchestrator.decide.selection.choose import decide
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.objective import Objective
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.session import Session
from tests import sessions
from tests.promises.figures.row import NONE, Row
from tests.simulator.device import SimulatedDevice
from tests.simulator.power import Draw
from tests.simulator.service import Service
from tests.simulator.session import Asked, many_sessions, run_session
from tests.simulator.thermal import Cooling

BASE, FAST = sessions.candidate(), sessions.candidate("onnx:int8-dynamic")
# Throttled, the fast one still takes 1.67 ms: it looks the best in either case.
SERVICES = {BASE.key: Service(2.0, process_noise=0.01), FAST.key: Service(1.0, process_noise=0.01)}
CHUNKS = 200
COOLING = Cooling(trip_c=70.0, time_constant_s=60.0)


def hot_device(recovered: bool) -> SimulatedDevice:
    """It was hot until it throttled. ``recovered``: it has cooled since, and only the latched bit tells."""
    device = SimulatedDevice(cooling=COOLING, draw=Draw(2.0, 20.0))
    while not device.heat or not device.heat.latched:
        device.compute(10**9)
    if recovered:
        device.rest(600.0)
    return device


def study_of(device: SimulatedDevice, of: Candidate, rng: np.random.Generator) -> list[Session]:
    """Placement, three flat-out sessions and four paced ones, on the device as it is."""
    whole = wire.ProviderShare(of.provider, 10, 1.0)
    found = [sessions.session(of, "placement", placement=[whole])]
    for mode, blocks in (("flat-out", 3), ("paced", 4)):
        for block in range(blocks):
            costs = SERVICES[of.key].costs_ns(rng, CHUNKS)
            found.append(run_session(device, costs, Asked(of, mode, block)))
    return found


def decided(both: list[Session]) -> str | None:
    artifacts = [sessions.artifact(), sessions.artifact("onnx:int8-dynamic", 210_000)]
    scores = [sessions.score(BASE), sessions.score(FAST)]
    limits = Constraints()
    return decide(sessions.STUDY, both, artifacts, scores, objective=Objective(), constraints=limits).winner


def fastest(both: list[Session]) -> str:
    """The naive way: the lowest median wins."""
    paced = [s for s in both if s.planned.mode == "paced"]
    medians = {s.planned.candidate.key: float(np.median(s.timeline(sessions.SAMPLE_RATE_HZ).latency_ns)) for s in paced}
    return min(medians, key=medians.__getitem__)


def rows(trials: int = 20) -> list[Row]:
    """In each study the plain default was measured on a cool device, the fast one on a hot or a recovered one."""
    ours, naive = 0, 0
    with many_sessions():
        for trial in range(trials):
            rng = np.random.default_rng([13, trial])
            cool = SimulatedDevice(cooling=COOLING, draw=Draw(2.0, 1.0))
            both = study_of(cool, BASE, rng) + study_of(hot_device(recovered=trial % 2 == 0), FAST, rng)
            ours += decided(both) == FAST.key
            naive += fastest(both) == FAST.key
    return [
        Row(
            13,
            "studies won by a candidate whose device had throttled; in half of them only a latched bit tells it",
            NONE,
            100 * ours / trials,
            100 * naive / trials,
            "the lowest median wins",
        )
    ]
