"""What is told of a cascade that ran: the budget table, partial words, loads and libraries, doubts."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from agents import cascade_arrays as at
from agents import wire
from orchestrator.domain.cascade_budget import budget_table, parts_ms
from orchestrator.domain.cascade_told import CascadeTold, StageTold
from orchestrator.domain.cascade_words import perceived_words
from orchestrator.domain.latency_budget import Budget, budget
from orchestrator.domain.perceived import WORDS, Perceived
from orchestrator.domain.placement import fell_back
from orchestrator.domain.session import Session
from orchestrator.domain.session_verdict import INVALID, KINDS, VALID, Doubt, judge
from orchestrator.workflows.cascade import RanCascade
from orchestrator.workflows.figures import not_hardware

_MS = 1e-6


def told(ran: RanCascade) -> CascadeTold:
    """Over all sessions of the cascade together."""
    times, first = ran.times, ran.sessions[0]
    ways = np.concatenate([run.way_ns for run in times])
    doubts = [doubt for number in range(len(ran.sessions)) for doubt in _doubts(ran, number)]
    spoken = len(parts_ms(ways)) if any(WORDS in session.arrays for session in ran.sessions) else None
    return CascadeTold(
        cascade=ran.cascade,
        study_id=first.planned.study_id,
        device=first.planned.device,
        sessions=tuple(session.session_id for session in ran.sessions),
        seconds=sum(_seconds(session, ran.text.sample_rate_hz) for session in ran.sessions),
        rows=budget_table(ran.cascade, times),
        partial=_partial(ran),
        stages=tuple(_stage(ran, number) for number in range(len(ran.cascade.stages))),
        utterances=len(ways),
        answered=sum(bool(each["reply"]) for session in ran.sessions for each in session.result.decoded),
        unspoken=None if spoken is None else len(ways) - spoken,
        backlog_chunks=max(int(run.backlog_chunks.max()) for run in times),
        lateness_p99_ms=float(np.quantile(np.concatenate([run.lateness_ns for run in times]), 0.99)) * _MS,
        not_hardware=tuple(f"{each.name}: {each.note}" for each in not_hardware(first)),
        verdict=max((doubt.kind for doubt in doubts), key=KINDS.index, default=VALID),
        doubts=tuple(_in_words(doubts)),
    )


def _seconds(session: Session, rate: int) -> float:
    return session.result.chunk_count * session.planned.candidate.chunk_samples / rate


def _partial(ran: RanCascade) -> Budget | str:
    """Of all sessions together."""
    every = [perceived_words(run, ran.text) for run in ran.times]
    known = [each for each in every if not isinstance(each, str)]
    if not known:
        return str(every[0])
    parts = np.concatenate([each.parts_ns for each in known])
    missed, false = sum(each.missed for each in known), sum(each.false_events for each in known)
    return budget(Perceived(parts, missed, false, f"{len(parts) + missed} words; L_k of their own sessions"))


def _stage(ran: RanCascade, number: int) -> StageTold:
    stage, first = ran.cascade.stages[number], ran.sessions[0].result.stages[number]
    rows = np.concatenate([run.of_stage(number) for run in ran.times])
    issue, features, model, done = (rows[:, column] for column in range(at.ISSUE, at.DONE + 1))
    loads_ns = [s.result.stages[number].import_ns + s.result.stages[number].load_ns for s in ran.sessions]
    return StageTold(
        name=stage.name,
        when=stage.when,
        model=stage.candidate.model,
        candidate=stage.candidate.label,
        runtime=first.runtime,
        runtime_version=first.runtime_version,
        runs=len(rows),
        service_ms=_median_ms(done - issue),
        features_ms=_median_ms(features - issue),
        model_ms=_median_ms(model - features),
        decode_ms=_median_ms(done - model),
        load_ms=float(np.median(loads_ns)) * _MS,
        libraries=None if first.libraries is None else len(first.libraries),
        libraries_mb=None if first.libraries is None else sum(first.libraries.values()) / 1e6,
        fell_back=fell_back(stage.candidate.provider, _as_alone(ran.sessions[0], first)),
    )


def _median_ms(times_ns: NDArray[np.int64]) -> float | None:
    return float(np.median(times_ns)) * _MS if len(times_ns) else None


def _doubts(ran: RanCascade, number: int) -> Iterator[Doubt]:
    """Of one session: its own verdict, which has the first stage's fallback, and stages after it that fell back."""
    session = ran.sessions[number]
    yield from (doubt for doubt in judge(session, ran.text.sample_rate_hz).doubts if doubt.about is None)
    for stage, loaded in zip(ran.cascade.stages[1:], session.result.stages[1:], strict=True):
        why = fell_back(stage.candidate.provider, _as_alone(session, loaded))
        if why is not None:
            yield Doubt(INVALID, "fallback", f"stage {stage.name} fell back: {why}")


def _as_alone(session: Session, loaded: wire.StageLoaded) -> wire.RunResult:
    return replace(session.result, providers_registered=loaded.providers_registered)


def _in_words(doubts: Sequence[Doubt]) -> Iterator[str]:
    """Each cause once, with the first reason and how often."""
    by_cause: dict[str, list[Doubt]] = {}
    for doubt in doubts:
        by_cause.setdefault(doubt.cause, []).append(doubt)
    for some in by_cause.values():
        more = f", and in {len(some) - 1} more" if len(some) > 1 else ""
        yield f"{some[0].kind}: {some[0].reason}{more}"
