"""One side of a comparison: its runs, and one value of each metric per run."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from orchestrator.decide.selection.evidence import timed_runs
from orchestrator.decide.selection.figures import NS_PER_MS, Run, of_run
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.kept import Kept
from orchestrator.domain.session import Session
from orchestrator.domain.session_verdict import INVALID, VALID, Doubt, SessionVerdict, judge
from orchestrator.statistics.percentiles import minimum_n

# So many valid runs of a side are enough to do without the suspect ones.
_ENOUGH = 2
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
    """``left_out``: sessions that do not count, or are suspect and do, each with its reason. ``kept``: what stays of
    good runs whose raw times made way.
    """

    good: dict[Block, Run]
    left_out: tuple[str, ...]
    kept: dict[Block, Kept] = field(default_factory=dict)


def runs_of(side: Side, *, with_suspect: bool = False, with_kept: bool = False) -> Runs:
    """The valid runs without their warm-up. Suspect ones count only where the valid ones are too few, or all of them
    ``with_suspect``; invalid and emulated ones never do. Those whose raw times made way count only ``with_kept``.
    """
    valid: dict[Block, Run | Kept] = {}
    suspect: dict[Block, Run | Kept] = {}
    left_out, doubted = [], []
    for (study, block), attempts in _by_block(side.sessions).items():
        judged = [(_verdict(attempt, side), attempt) for attempt in attempts]
        usable = [(v, attempt) for v, attempt in judged if v.kind != INVALID]
        left_out += [f"{a.session_id} does not count: {a.kept.said}" for _, a in usable if a.kept and not with_kept]
        usable = [(v, attempt) for v, attempt in usable if attempt.kept is None or with_kept]
        if not usable:
            left_out += [_doubted(attempt, v) for v, attempt in judged if v.kind == INVALID]
            continue
        # The last of the valid ones, else of the suspect ones.
        verdict, session = sorted(usable, key=lambda each: each[0].kind == VALID)[-1]
        (valid if verdict.kind == VALID else suspect)[study, block] = session.kept or _run(session, side)
        doubted += [f"{session.session_id} is {verdict}"] if verdict.kind != VALID else []
    if suspect and (with_suspect or len(valid) < _ENOUGH):
        return _apart(valid | suspect, (*left_out, *doubted))
    return _apart(valid, (*left_out, *(f"{doubt}; it does not count" for doubt in doubted)))


def _apart(found: Mapping[Block, Run | Kept], left_out: tuple[str, ...]) -> Runs:
    good = {block: run for block, run in found.items() if isinstance(run, Run)}
    return Runs(good, left_out, {block: kept for block, kept in found.items() if isinstance(kept, Kept)})


def _doubted(session: Session, verdict: SessionVerdict) -> str:
    return f"{session.session_id} does not count: {'; '.join(verdict.reasons)}"


def _run(session: Session, side: Side) -> Run:
    (run,), _ = timed_runs([session], side.artifact)
    return run


def _verdict(session: Session, side: Side) -> SessionVerdict:
    emulator = session.emulated
    if emulator:
        return SessionVerdict((Doubt(INVALID, "emulated", f"it was emulated by {emulator}"),))
    return judge(session, side.artifact.contract.sample_rate_hz)


def _by_block(sessions: Iterable[Session]) -> dict[Block, list[Session]]:
    """Its attempts, the first one first."""
    found: dict[Block, list[Session]] = {}
    for session in sorted(sessions, key=lambda s: s.planned.attempt):
        found.setdefault((session.planned.study_id, session.planned.block), []).append(session)
    return found


def values_of(runs: Mapping[Block, Run] | Mapping[Block, Run | Kept], metric: str) -> dict[Block, float] | str:
    """The metric in each run, or why it cannot be said; one run without it is enough for that."""
    found = {}
    for block, run in runs.items():
        value = (run.figures if isinstance(run, Kept) else figures_of(run)).get(metric)
        if value is None or value <= 0:
            return _absent(metric, run) if value is None else f"{metric} is {value:g} in a run: no ratio to it"
        found[block] = value
    return found


def figures_of(run: Run) -> dict[str, float]:
    """What one run says on its own; what it cannot say is absent."""
    found = of_run(run)
    if run.paced:
        found["latency_p50_ms"] = float(np.median(run.steady.latency_ns)) / NS_PER_MS
    load_ns = run.session.result.load_ns
    if load_ns is not None:
        found["load_ms"] = load_ns / NS_PER_MS
    return found


def _absent(metric: str, run: Run | Kept) -> str:
    paced = "latency_p50_ms" in run.figures if isinstance(run, Kept) else run.paced
    if metric.startswith("latency") and not paced:
        return "a flat-out session has no latency: its chunks do not arrive"
    if metric == "latency_p99_ms":
        return f"not estimable: a run's p99 needs {minimum_n(0.99)} chunks, one has {_chunks(run)}"
    return "a session could not read it"


def _chunks(run: Run | Kept) -> int:
    if isinstance(run, Kept):
        return run.course.chunks if run.course else 0
    return len(run.steady)


def typical(values: Mapping[Block, float]) -> float:
    """Geometric mean: the ratio of two of these is the ratio that is shown."""
    return statistics.geometric_mean(values.values())
