"""The figures of one session, as ``earshot run`` shows them."""

from dataclasses import dataclass

import numpy as np

from orchestrator.domain.session import Session
from orchestrator.statistics import percentiles, warmup

_MS = 1e-6


@dataclass(frozen=True)
class Figure:
    """``value`` None: absent, and ``note`` says why."""

    name: str
    value: float | None
    unit: str
    note: str = ""


def session_figures(session: Session, sample_rate_hz: int) -> list[Figure]:
    """Latency (paced) or service time (flat-out) after warm-up, and what was measured around them."""
    whole = session.timeline(sample_rate_hz)
    found = warmup.classify(whole.service_ns)
    steady = whole.after(found.skip)
    figures = [Figure("chunks", len(whole), "", f"{found.kind}, {found.skip} skipped as warm-up")]
    if steady.paced:
        figures += _percentiles("latency", steady.latency_ns)
        figures.append(Figure("miss rate", steady.miss_rate(steady.chunk_ns), "", "deadline: the chunk's duration"))
        figures.append(Figure("largest backlog", float(steady.backlog_chunks().max()), "chunks"))
        figures.append(Figure("overruns", session.result.overruns, "chunks"))
        figures += _percentiles("pacer lateness", steady.lateness_ns, (0.5, 0.99))
    figures += _percentiles("service time", steady.service_ns)
    figures += [
        Figure(f"{stage}, p50", float(np.median(times)) * _MS, "ms") for stage, times in steady.stage_ns().items()
    ]
    figures.append(Figure("RTF", steady.rtf, "", "sum of service time / audio; lower is better"))
    return figures + _around(session)


def _percentiles(name: str, times_ns: np.ndarray, quantiles: tuple[float, ...] = (0.5, 0.9, 0.99)) -> list[Figure]:
    figures = []
    for q, found in zip(quantiles, percentiles.percentiles(times_ns, quantiles), strict=True):
        label = f"{name}, p{100 * q:g}"
        if found.value is None or found.low is None or found.high is None:
            figures.append(Figure(label, None, "ms", f"not estimable: {found.reason}"))
        else:
            spread = f"{found.low * _MS:.3g}..{found.high * _MS:.3g} over the chunks of this run"
            figures.append(Figure(label, found.value * _MS, "ms", spread))
    return figures


def _around(session: Session) -> list[Figure]:
    result = session.result
    figures = [
        _scaled("load", result.load_ns, _MS, "ms"),
        _scaled("first inference", result.first_inference_ns, _MS, "ms"),
    ]
    figures += [_scaled(f"peak memory, {m.phase}", m.peak_bytes, 1e-6, "MB", m.method) for m in result.memory]
    if result.observer is not None:
        share = result.observer.harness_cpu_share
        figures.append(_scaled("harness, share of a core", share, 100.0, "%", "the agent's own cost"))
    figures += [Figure(name, None, "", f"absent: {reason}") for name, reason in sorted(result.sensors_absent.items())]
    return figures


def _scaled(name: str, value: float | None, scale: float, unit: str, note: str = "") -> Figure:
    if value is None:
        return Figure(name, None, unit, "could not be read")
    return Figure(name, value * scale, unit, note)
