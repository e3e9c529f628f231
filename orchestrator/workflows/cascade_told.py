"""What is told of a cascade that ran: the budget table, partial words, loads and libraries, doubts."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from agents import cascade_arrays as at
from orchestrator.domain.cascade_budget import budget_table, parts_ms
from orchestrator.domain.cascade_told import CascadeTold, StageTold
from orchestrator.domain.cascade_words import perceived_words
from orchestrator.domain.latency_budget import Budget, budget
from orchestrator.domain.perceived import WORDS, Perceived
from orchestrator.domain.placement import fell_back
from orchestrator.domain.session import Session
from orchestrator.domain.session_verdict import judge
from orchestrator.workflows.cascade import RanCascade

_MS = 1e-6


def told(ran: RanCascade) -> CascadeTold:
    """Over all sessions of the cascade together."""
    times, first = ran.times, ran.sessions[0]
    ways = np.concatenate([run.way_ns for run in times])
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
        doubts=tuple(_doubts(ran)),
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
    as_alone = replace(ran.sessions[0].result, providers_registered=first.providers_registered)
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
        fell_back=fell_back(stage.candidate.provider, as_alone),
    )


def _median_ms(times_ns: NDArray[np.int64]) -> float | None:
    return float(np.median(times_ns)) * _MS if len(times_ns) else None


def _doubts(ran: RanCascade) -> Iterator[str]:
    """Why figures may not be believed: the verdicts of its sessions, and stages that fell back."""
    for session in ran.sessions:
        for reason in judge(session, ran.text.sample_rate_hz).reasons:
            yield f"{session.session_id}: {reason}"
    for number, stage in enumerate(ran.cascade.stages):
        why = _stage(ran, number).fell_back
        if why is not None and number > 0:  # The verdict has that of the first stage.
            yield f"stage {stage.name} fell back: {why}"
