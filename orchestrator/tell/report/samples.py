"""Raw times of the sessions that the decision stands on, warm-up left out, grouped by candidate."""

from dataclasses import dataclass

import numpy as np

from orchestrator.domain.session import Session
from orchestrator.domain.timeline import Timeline
from orchestrator.statistics.warmup import classify
from orchestrator.tell.report.chart import Float64
from orchestrator.tell.report.content import ReportContent


@dataclass(frozen=True)
class Run:
    """One process run of one candidate. ``latency_ms`` is its steady state, in the order of the chunks."""

    session: Session
    latency_ms: Float64

    @property
    def block(self) -> int:
        return self.session.planned.block


def settled(session: Session, sample_rate_hz: int) -> Timeline:
    """The session's times without its warm-up, as the decision saw them."""
    timeline = session.timeline(sample_rate_hz)
    return timeline.after(classify(timeline.service_ns).skip)


def paced_runs(content: ReportContent) -> dict[str, list[Run]]:
    """Candidate key -> its paced runs, oldest first. Raises nothing for a candidate without any: it has no key."""
    runs: dict[str, list[Run]] = {}
    for session in content.decided_on("paced"):
        if "t_ns" in session.arrays:
            latency_ms = settled(session, content.sample_rate_hz).latency_ns / 1e6
            runs.setdefault(session.planned.candidate.key, []).append(Run(session, latency_ms))
    return runs


def pooled(runs: list[Run]) -> Float64:
    return np.sort(np.concatenate([run.latency_ms for run in runs]))
