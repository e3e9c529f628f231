"""What came of an order: waited for, then each configuration on each device with its figures over its runs."""

import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from orchestrator.domain.job import DONE, OPEN, SESSION, JobState
from orchestrator.domain.score import Score
from orchestrator.errors import LedgerAway
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.order_counts import Counts, by_order
from orchestrator.ledger.orders import jobs
from orchestrator.workflows.farm.payload import EVALUATE, session_work
from orchestrator.workflows.figures import session_figures

_POLL_S = 1.0


@dataclass
class Measured:
    """One configuration on one device. ``figures``: of each run, by name. ``reasons``: why runs are not among them."""

    device: str
    what: str
    runs: int = 0
    figures: dict[str, list[float]] = field(default_factory=dict)
    score: Score | None = None
    reasons: list[str] = field(default_factory=list)

    def median(self, name: str) -> float | None:
        """Over the runs; None where none has the figure."""
        return statistics.median(self.figures[name]) if self.figures.get(name) else None


def wait_for(
    farm: Ledger,
    order_id: str,
    others: Sequence[str],
    told: Callable[[Counts], None],
    away: Callable[[str], None],
) -> None:
    """Until nothing of the order is open, and none of the ``others``: jobs that it needs and an earlier order has. A
    ledger that is away is waited for too.
    """
    while True:
        try:
            counts = Counter(by_order(farm, [order_id]).get(order_id, {}))
            counts.update(state.state for state in jobs(farm, job_ids=others))
            told(counts)
            if not any(counts[state] for state in OPEN):
                return
        except LedgerAway as exc:
            away(exc.message)
        time.sleep(_POLL_S)


def measured(farm: Ledger, order_id: str) -> list[Measured]:
    """Of session jobs, by device and configuration in the order in which they were planned."""
    found: dict[tuple[str, str], Measured] = {}
    for state in jobs(farm, order_id=order_id):
        if state.job.kind == SESSION:
            work = session_work(state.job)
            key = (work.study.device, str(work.wanted))
            one = found.setdefault(key, Measured(*key))
            if state.state != DONE:
                one.reasons.append(state.reason or state.state)
            elif work.mode == EVALUATE:
                one.score = _score(farm, state)
            else:
                _add(farm, state, one)
    return list(found.values())


def _add(farm: Ledger, state: JobState, one: Measured) -> None:
    session = farm.session(str((state.result or {}).get("session_id")))
    artifact = farm.artifact(session.planned.candidate.artifact_sha256) if session else None
    if session is None or artifact is None:
        one.reasons.append("its session is not in the ledger")
        return
    one.runs += 1
    for figure in session_figures(session, artifact.contract.sample_rate_hz):
        if isinstance(figure.value, int | float):
            one.figures.setdefault(figure.name, []).append(float(figure.value))


def _score(farm: Ledger, state: JobState) -> Score | None:
    told = state.result or {}
    scores = farm.scores(str(told.get("study_id")))
    return next((score for score in scores if score.session_id == told.get("session_id")), None)
