"""Promise 4: percentiles of too few chunks."""

import numpy as np

from orchestrator.workflows.figures import session_figures
from tests.promises.figures.row import NONE, Row
from tests.sessions import SAMPLE_RATE_HZ
from tests.simulator.device import SimulatedDevice
from tests.simulator.service import MS, Service
from tests.simulator.session import many_sessions, run_session

# Lognormal service with a long tail; its p99 is exp(2.326 x 0.5) medians.
SERVICE = Service(2.0, noise=0.5)
P99_MS = 2.0 * float(np.exp(2.3263 * 0.5))
COUNTS = (20, 100, 661)


def rows(trials: int = 100) -> list[Row]:
    printed, low = 0, 0
    with many_sessions():
        for trial in range(trials):
            for chunks in COUNTS:
                costs = SERVICE.costs_ns(np.random.default_rng([4, trial, chunks]), chunks)
                session = run_session(SimulatedDevice(), costs)
                shown = {figure.name: figure.value for figure in session_figures(session, SAMPLE_RATE_HZ)}
                printed += shown["latency, p99"] is not None
                low += chunks == 20 and float(np.percentile(costs / MS, 99)) < P99_MS
    return [
        Row(
            4,
            f"p99s shown of sessions of {', '.join(map(str, COUNTS))} chunks (662 are needed)",
            NONE,
            100 * printed / (trials * len(COUNTS)),
            100.0,
            "numpy.percentile of whatever there is",
            naive_note=f"of 20 chunks too low in {100 * low / trials:.0f} % of the sessions",
        )
    ]
