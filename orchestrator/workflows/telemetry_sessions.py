"""What a session tells Prometheus: its figures in base units, at the time of its end."""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents import wire
from orchestrator.decide.selection.evidence import timed_runs
from orchestrator.decide.selection.figures import BYTES_PER_MB, Run, of_run
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.energy import Idle, NoEnergy, drawn, same_source
from orchestrator.domain.kept import Kept
from orchestrator.domain.score import Score
from orchestrator.domain.session import VERIFY_BLOCK, Session
from orchestrator.domain.session_verdict import INVALID, judge
from orchestrator.domain.study import Study
from orchestrator.ledger.outbox import SESSION
from orchestrator.statistics.autocorrelation import effective_sample_size
from orchestrator.statistics.log_buckets import buckets
from orchestrator.statistics.percentiles import percentiles
from orchestrator.tell.telemetry.names import QUANTILES
from orchestrator.tell.telemetry.told import Labels, Sample, Told
from orchestrator.workflows.model_commit import axis_of
from orchestrator.workflows.night_series import CONFIRM, key_of
from orchestrator.workflows.sides import TIMED

# What has figures of its own. Idle sessions and profiles are part of others' figures.
MODES = (*TIMED, "evaluate")
_NS_PER_S, _MJ_PER_J = 1e9, 1e3
# A figure that is kept -> its sample, the factor to its unit, and its labels.
_KEPT: dict[str, tuple[str, float, Labels]] = {
    "latency_p50_ms": ("earshot_latency_seconds", 1e-3, (("quantile", "0.5"),)),
    "latency_p99_ms": ("earshot_latency_seconds", 1e-3, (("quantile", "0.99"),)),
    "miss_rate": ("earshot_miss_ratio", 1.0, ()),
    "service_p50_ms": ("earshot_service_seconds", 1e-3, (("quantile", "0.5"),)),
    "rtf": ("earshot_rtf_ratio", 1.0, ()),
    "load_ms": ("earshot_load_seconds", 1e-3, ()),
    "peak_rss_mb": ("earshot_peak_memory_bytes", BYTES_PER_MB, ()),
}
_Z95 = NormalDist().inv_cdf(0.975)


def session_told(
    session: Session, artifact: Artifact | None, study: Study, scores: Sequence[Score], idle: Idle | str
) -> Told:
    """``artifact`` None: the ledger has lost it, and so its times are not looked at. ``scores``: of this session.

    Figures of a session that cannot be believed are not told, nor those of a re-run of an old artifact or of a
    verification: they would stand in the series of what runs there. That it ran is told of every one.
    """
    verdict = INVALID if session.emulated else judge(session, _rate(artifact)).kind
    samples = [_info(session, artifact, study, verdict), *_of_device(session)]
    if artifact is not None:
        samples.append(Sample("earshot_artifact_size_bytes", artifact.size_bytes))
    samples += [Sample("earshot_error_ratio", score.error_rate, (("metric", score.metric),)) for score in scores]
    run = _run(session, artifact, study, verdict)
    if run is not None:
        samples += [*_of_times(run), *_around(run), *_energy(run, idle)]
    elif session.kept is not None and _counts(session, study, verdict):
        samples += _of_kept(session.kept)
    marked = _exemplar_of(samples)
    return Told(
        key=SESSION + session.session_id,
        at_ms=ended_ms(session),
        labels=configuration(session),
        samples=tuple(samples),
        exemplar_of=marked,
        exemplar=() if marked is None else (("session_id", session.session_id),),
        histogram=None if run is None else _histogram(run),
    )


def configuration(session: Session) -> Labels:
    """The labels of the series of nights that the session is in."""
    key = key_of(session)
    return (
        ("device_model", session.environment.device_model),
        ("device", key.device),
        ("model", key.model),
        ("runtime", key.runtime),
        ("ep", key.provider),
        ("precision", key.precision),
        ("mode", key.mode),
        ("variant", key.variant),
    )


def ended_ms(session: Session) -> int:
    return round((datetime.fromisoformat(session.started_utc).timestamp() + session.duration_s) * 1000)


def _rate(artifact: Artifact | None) -> int | None:
    return None if artifact is None else artifact.contract.sample_rate_hz


def _info(session: Session, artifact: Artifact | None, study: Study, verdict: str) -> Sample:
    identity = {
        "session_id": session.session_id,
        "study_id": study.study_id,
        "artifact": session.planned.candidate.artifact_sha256[:12],
        "commit": "" if artifact is None else axis_of(study.settings, artifact.provenance.source_sha256),
        "outcome": session.result.outcome,
        "verdict": verdict,
    }
    return Sample("earshot_session_info", 1.0, tuple(identity.items()))


def _of_device(session: Session) -> Iterator[Sample]:
    """How it was doing; also of a session whose figures do not count for that."""
    states = [state for state in (session.result.before, session.result.after) if state is not None]
    flags = [state.throttled for state in states if state.throttled is not None]
    if flags:
        yield Sample("earshot_throttled", float(any(flags)))
    warmest = [max(state.temperature_c.values()) for state in states if state.temperature_c]
    if warmest:
        yield Sample("earshot_temperature_celsius", warmest[-1])


def _counts(session: Session, study: Study, verdict: str) -> bool:
    planned = session.planned
    apart = study.settings.get("workflow") == CONFIRM or planned.block >= VERIFY_BLOCK
    return not apart and verdict != INVALID and session.ok and planned.mode in TIMED


def _run(session: Session, artifact: Artifact | None, study: Study, verdict: str) -> Run | None:
    if not _counts(session, study, verdict):
        return None
    runs, _ = timed_runs([session], artifact)
    return runs[0] if runs else None


def _of_times(run: Run) -> Iterator[Sample]:
    if run.paced:
        yield from _quantiles("latency", run.steady.latency_ns)
        yield Sample("earshot_miss_ratio", run.steady.miss_rate)
    service_ns = run.steady.service_ns
    yield from _quantiles("service", service_ns)
    rtf = run.steady.rtf
    yield Sample("earshot_rtf_ratio", rtf)
    half = _half_width(service_ns / run.steady.chunk_ns)
    if half is not None:
        yield Sample("earshot_rtf_low_ratio", max(0.0, rtf - half))
        yield Sample("earshot_rtf_high_ratio", rtf + half)


def _of_kept(kept: Kept) -> Iterator[Sample]:
    """Of a session whose raw times made way before anybody was told: the figures that it keeps."""
    for metric, (name, factor, labels) in _KEPT.items():
        value = kept.figures.get(metric)
        if value is not None and value * factor < wire.NEVER_NS // 2 / _NS_PER_S:
            yield Sample(name, value * factor, labels)


def _quantiles(what: str, times_ns: NDArray[Any]) -> Iterator[Sample]:
    for quantile, found in zip(QUANTILES, percentiles(times_ns, QUANTILES), strict=True):
        labels = (("quantile", f"{quantile:g}"),)
        ends = {"": found.value, "_low": found.low, "_high": found.high}
        for end, value_ns in ends.items():
            # So many chunks may have been dropped that there is no such time.
            if value_ns is not None and value_ns < wire.NEVER_NS // 2:
                yield Sample(f"earshot_{what}{end}_seconds", value_ns / _NS_PER_S, labels)


def _half_width(values: NDArray[np.float64]) -> float | None:
    """Of the mean's 95 % interval within the run: neighbouring chunks resemble each other, and count for fewer."""
    independent = effective_sample_size(values)
    return _Z95 * float(values.std(ddof=1)) / math.sqrt(independent) if independent >= 2 else None


def _around(run: Run) -> Iterator[Sample]:
    load_ns, peak_mb = run.session.result.load_ns, of_run(run).get("peak_rss_mb")
    if load_ns is not None:
        yield Sample("earshot_load_seconds", load_ns / _NS_PER_S)
    if peak_mb is not None:
        yield Sample("earshot_peak_memory_bytes", peak_mb * BYTES_PER_MB)


def _energy(run: Run, idle: Idle | str) -> Iterator[Sample]:
    if isinstance(idle, str):
        return
    try:
        found = drawn(run.session, run.steady)
        same_source([found], idle)
    except NoEnergy:
        return
    yield Sample("earshot_energy_joules_per_audio_second", found.net_mj_per_audio_s(idle) / _MJ_PER_J)


def _exemplar_of(samples: Sequence[Sample]) -> int | None:
    """The highest quantile of the latency, where there is one: what a person wants to look into."""
    marked = [n for n, sample in enumerate(samples) if sample.name == "earshot_latency_seconds"]
    return marked[-1] if marked else None


def _histogram(run: Run) -> Any:
    if not run.paced:
        return None
    latency_ns = run.steady.latency_ns
    return "earshot_latency_distribution_seconds", buckets(latency_ns[latency_ns < wire.NEVER_NS // 2] / _NS_PER_S)
