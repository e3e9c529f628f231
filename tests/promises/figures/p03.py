"""Promise 3: whether a session that measured its own pacer is known for one."""

import numpy as np

from orchestrator.domain.session_verdict import DEFAULT_LIMITS, INVALID, VALID, judge
from tests.promises.figures.row import Bound, Row
from tests.sessions import CHUNK_NS, SAMPLE_RATE_HZ
from tests.simulator.device import SimulatedDevice
from tests.simulator.service import Service
from tests.simulator.session import many_sessions, run_session

SERVICE = Service(5.0, noise=0.05)
CHUNKS = 200


def rows(trials: int = 200) -> list[Row]:
    """Half of the sessions have waits that end late by more than the budget in the median, half by less."""
    right, unseen = 0, 0
    budget_ns = DEFAULT_LIMITS.pacer_share * CHUNK_NS
    with many_sessions():
        for trial in range(trials):
            rng = np.random.default_rng([3, trial])
            over = trial % 2 == 1
            median_ns = budget_ns * (rng.uniform(1.15, 4.0) if over else rng.uniform(0.0, 0.85))
            late_ns = (median_ns * np.exp(0.2 * rng.standard_normal(CHUNKS))).astype(np.int64)
            device = SimulatedDevice(wake_late_ns=lambda wait, late=late_ns: int(late[wait]))  # type: ignore[misc]
            session = run_session(device, SERVICE.costs_ns(rng, CHUNKS))
            right += judge(session, SAMPLE_RATE_HZ).kind == (INVALID if over else VALID)
            # A closed loop has no column for it: each of its sessions looks well.
            unseen += not over
    return [
        Row(
            3,
            "sessions judged right, of which half were issued later than a tenth of a chunk in the median",
            Bound(100, 100),
            100 * right / trials,
            100 * unseen / trials,
            "a closed loop has no intended time to be late against",
        )
    ]
