"""The figures of one session, as ``earshot run`` shows them."""

from dataclasses import replace

import numpy as np

from agents import wire
from orchestrator.domain import memory, observer
from orchestrator.domain.energy import NO_IDLE, Idle
from orchestrator.domain.observer import OnOff
from orchestrator.domain.run_course import RunCourse, course_of
from orchestrator.domain.session import Session
from orchestrator.domain.session_verdict import judge
from orchestrator.statistics import percentiles
from orchestrator.workflows.energy_figures import energy_figures
from orchestrator.workflows.figure import Figure
from orchestrator.workflows.scheduling_figures import scheduling_figures
from orchestrator.workflows.sustained_figures import sustained_figures

_MS = 1e-6
# A clock that is slewed moves by at most 0.5 ms a second (adjtime(3)); what moves faster was set.
_CLOCK_STEP_S = 0.5


__all__ = ["Figure", "session_figures"]


def session_figures(
    session: Session, sample_rate_hz: int, idle: Idle | str = NO_IDLE, on_off: OnOff | None = None
) -> list[Figure]:
    """Latency (paced) or service time (flat-out) after warm-up, and what was measured around them.

    ``idle``: what the device drew without a model, or why that is not known. ``on_off``: whether observing changes what
    is observed there, where that was measured.
    """
    whole = session.timeline(sample_rate_hz)
    course = course_of(whole)
    steady = whole.after(course.left_out)
    figures = [*not_hardware(session), _verdict(session, sample_rate_hz), *_course(course, len(whole))]
    if steady.paced:
        figures += _percentiles("latency", steady.latency_ns)
        figures.append(Figure("miss rate", steady.miss_rate, "", f"deadline: {_deadline(session)}"))
        figures.append(Figure("largest backlog", int(steady.backlog_chunks().max()), "chunks"))
        figures.append(Figure("overruns", session.result.overruns, "chunks", f"policy {session.result.policy}"))
        figures += _dropped(session)
        figures += _percentiles("pacer lateness", steady.lateness_ns, (0.5, 0.99))
    figures += _percentiles("service time", steady.service_ns)
    figures += [
        Figure(f"{stage}, p50", float(np.median(times)) * _MS, "ms") for stage, times in steady.stage_ns().items()
    ]
    figures.append(Figure("RTF", steady.rtf, "", "service time / audio; lower is better"))
    if steady.paced:
        figures += sustained_figures(session, sample_rate_hz)
    beside = [*energy_figures(session, steady, idle), *scheduling_figures(session)]
    return [*figures, *beside, *_around(session, on_off)]


def _course(course: RunCourse, chunks: int) -> list[Figure]:
    """The start of the run, and why an interval over its chunks covers less than it says."""
    left_out = f": first {course.left_out} left out" if course.left_out else ""
    worth = f"{course.chunks} chunks are worth {course.independent:.0f} independent ones"
    return [
        Figure("chunks", chunks, "", f"{course.warm_up}{left_out}"),
        Figure("autocorrelation, lag 1", course.lag1, "", worth),
    ]


def _deadline(session: Session) -> str:
    deadline_ns = session.planned.deadline_ns
    return "the chunk's duration" if deadline_ns is None else f"{deadline_ns * _MS:g} ms"


def _verdict(session: Session, sample_rate_hz: int) -> Figure:
    """Whether the rest can be believed, and why not."""
    verdict = judge(session, sample_rate_hz)
    return Figure("verdict", verdict.kind, "", "; ".join(verdict.reasons))


def not_hardware(session: Session) -> list[Figure]:
    """Before all others, because it says what the others are worth."""
    virtual = session.environment.probe.virtual
    if session.emulated:
        return [Figure("emulated", 1, "", f"{session.emulated}: no figure here says anything about a device")]
    if "stand-in: " in (virtual or ""):
        return [Figure("stand-in", 1, "", f"{virtual}: the times are those of this machine")]
    return []


def _percentiles(name: str, times_ns: np.ndarray, quantiles: tuple[float, ...] = (0.5, 0.9, 0.99)) -> list[Figure]:
    figures = []
    for q, found in zip(quantiles, percentiles.percentiles(times_ns, quantiles), strict=True):
        label = f"{name}, p{100 * q:g}"
        if found.value is None or found.low is None or found.high is None:
            figures.append(Figure(label, None, "ms", found.reason or "not estimable"))
        elif found.value >= wire.NEVER_NS:
            figures.append(Figure(label, None, "ms", "never: so many chunks were dropped"))
        else:
            spread = f"{found.low * _MS:.3g}..{_end(found.high)} within this run"
            figures.append(Figure(label, found.value * _MS, "ms", spread))
    return figures


def _end(high_ns: float) -> str:
    return "never" if high_ns >= wire.NEVER_NS else f"{high_ns * _MS:.3g}"


def _dropped(session: Session) -> list[Figure]:
    dropped = session.result.dropped
    return [Figure("dropped", dropped, "chunks", "each a miss; the model's state has a gap there")] if dropped else []


def _around(session: Session, on_off: OnOff | None) -> list[Figure]:
    result = session.result
    figures = [
        _scaled("load", result.load_ns, _MS, "ms"),
        _scaled("first inference", result.first_inference_ns, _MS, "ms"),
    ]
    figures += [_scaled(f"peak memory, {m.phase}", m.peak_bytes, 1e-6, "MB", memory.told(m)) for m in result.memory]
    if result.pss is not None:
        note = "a snapshot after the stream: what is shared with others counts in part"
        figures.append(_scaled("PSS", result.pss.pss_bytes, 1e-6, "MB", note))
    figures += _observer(session, on_off)
    figures += [Figure(name, None, "", f"absent: {reason}") for name, reason in sorted(result.sensors_absent.items())]
    return [*figures, _throttling(result), *_clock_step(result.clock_step_s)]


def _observer(session: Session, on_off: OnOff | None) -> list[Figure]:
    cost, device = session.result.observer, session.planned.device
    if cost is None:
        return []
    share = _scaled("observer, share of a core", cost.harness_cpu_share, 100.0, "%")
    figures = [replace(share, note=observer.told(cost, observer.per_chunk_ns(session)))]
    if on_off is None:
        note = f"not measured: earshot devices doctor {device} --observer"
        return [*figures, Figure("observer on / off", None, "x", note)]
    note = f"{on_off.said}; measured {on_off.at_utc[:10]}"
    return [*figures, Figure("observer on / off", on_off.ratio.value, "x", note)]


def _throttling(result: wire.RunResult) -> Figure:
    """1 where a flag was set before or after the session; what a flag says is its device's matter."""
    states = {"before": result.before, "after": result.after}
    flagged = [f"{when} it ({s.throttled_source})" for when, s in states.items() if s is not None and s.throttled]
    if flagged:
        return Figure("throttled", 1, "", f"{' and '.join(flagged)}: let it cool and run again")
    known = [s for s in states.values() if s is not None and s.throttled is not None]
    if known:
        return Figure("throttled", 0, "", known[-1].throttled_source)
    reasons = [s.throttled_source for s in states.values() if s is not None]
    return Figure("throttled", None, "", f"absent: {reasons[-1] if reasons else 'no state was read'}")


def _clock_step(step_s: float) -> list[Figure]:
    if abs(step_s) < _CLOCK_STEP_S:
        return []
    return [Figure("clock step", step_s, "s", "the device's time of day was set; the latencies do not depend on it")]


def _scaled(name: str, value: float | None, scale: float, unit: str, note: str = "") -> Figure:
    if value is None:
        return Figure(name, None, unit, "could not be read")
    return Figure(name, value * scale, unit, note)
