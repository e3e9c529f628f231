"""One side of a comparison: its runs, and one value of each metric per run."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from orchestrator.decide.selection.evidence import throttled, timed_runs
from orchestrator.decide.selection.figures import NS_PER_MS, Run, of_run
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.session import Session
from orchestrator.statistics.percentiles import minimum_n

# Study and block: what pairs.
Block = tuple[str, int]
METRICS = ("latency_p50_ms", "latency_p99_ms", "service_p50_ms", "rtf", "peak_rss_mb", "load_ms")


@dataclass(frozen=True, eq=False)
class Side:
    """``name`` as it was asked for. ``others``: facts of the studies that must be alike too (audio, measured alone)."""

    name: str
    candidate: Candidate
    artifact: Artifact
    sessions: tuple[Session, ...]
    others: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Runs:
    """``left_out``: sessions that count for nothing, each with its reason."""

    good: dict[Block, Run]
    left_out: tuple[str, ...]


def runs_of(side: Side) -> Runs:
    """The good runs without their warm-up: one that failed, throttled, fell back or was emulated says nothing."""
    good: dict[Block, Run] = {}
    left_out = []
    for (study, block), attempts in _by_block(side.sessions).items():
        reasons = [(attempt, _unusable(attempt)) for attempt in attempts]
        usable = [attempt for attempt, reason in reasons if reason is None]
        runs, no_times = timed_runs(usable[-1:], side.artifact)
        if runs:
            good[study, block] = runs[0]
        else:
            left_out += [f"{s.session_id} {reason}" for s, reason in reasons if reason]
            left_out += [f"{each.session.session_id} has no times: {each.reason}" for each in no_times]
    return Runs(good, tuple(left_out))


def _by_block(sessions: Iterable[Session]) -> dict[Block, list[Session]]:
    """Its attempts, the first one first."""
    found: dict[Block, list[Session]] = {}
    for session in sorted(sessions, key=lambda s: s.planned.attempt):
        found.setdefault((session.planned.study_id, session.planned.block), []).append(session)
    return found


def values_of(runs: Mapping[Block, Run], metric: str) -> dict[Block, float] | str:
    """The metric in each run, or why it cannot be said; one run without it is enough for that."""
    found = {}
    for block, run in runs.items():
        value = _figures(run).get(metric)
        if value is None or value <= 0:
            return _absent(metric, run) if value is None else f"{metric} is {value:g} in a run: no ratio to it"
        found[block] = value
    return found


def _unusable(session: Session) -> str | None:
    if not session.ok:
        return f"failed: {session.result.reason}"
    if throttled(session):
        return "throttled"
    registered, wanted = session.result.providers_registered, session.planned.candidate.provider
    if registered and wanted not in registered:
        return f"fell back from {wanted} to {', '.join(registered)}"
    return f"was emulated by {session.environment.emulated}" if session.environment.emulated else None


def _figures(run: Run) -> dict[str, float]:
    """What one run says on its own; what it cannot say is absent."""
    found = of_run(run)
    if run.paced:
        found["latency_p50_ms"] = float(np.median(run.steady.latency_ns)) / NS_PER_MS
    load_ns = run.session.result.load_ns
    if load_ns is not None:
        found["load_ms"] = load_ns / NS_PER_MS
    return found


def _absent(metric: str, run: Run) -> str:
    if metric.startswith("latency") and not run.paced:
        return "a flat-out session has no latency: its chunks do not arrive"
    if metric == "latency_p99_ms":
        return f"not estimable: a run's p99 needs {minimum_n(0.99)} chunks, one has {len(run.steady)}"
    return "a session could not read it"


def typical(values: Mapping[Block, float]) -> float:
    """Geometric mean: the ratio of two of these is the ratio that is shown."""
    return statistics.geometric_mean(values.values())
