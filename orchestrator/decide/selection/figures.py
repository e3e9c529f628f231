"""A candidate's figures from its runs. The run is the unit of replication; warm-up was cut off before.

``latency_*`` come from paced sessions, ``service_*`` from flat-out ones; RTF, memory and load from the paced ones where
there are any. A p99 is the mean over runs of each run's own where every run has chunks enough for one, else that of all
chunks together, else not estimable; its ``basis`` and ``reason`` say which.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from orchestrator.domain.artifact import Artifact
from orchestrator.domain.decision import Estimate
from orchestrator.domain.energy import NO_IDLE, Drawn, Idle, NoEnergy, drawn, same_source
from orchestrator.domain.session import Session
from orchestrator.domain.timeline import Int64, Timeline
from orchestrator.statistics import students_t
from orchestrator.statistics.interval import Interval
from orchestrator.statistics.intervals import mean_interval
from orchestrator.statistics.percentiles import minimum_n, percentile
from orchestrator.statistics.warmup import NO_STEADY_STATE, WarmUp

NS_PER_MS = 1e6
BYTES_PER_MB = 1e6

# So many degrees of freedom make Student's t the normal distribution: a standard uncertainty has no n of its own.
_NORMAL = 1e6
ENERGY = "energy_mj_per_audio_s"
OF_RUN = ("service_p50_ms", "latency_p99_ms", "rtf", "peak_rss_mb")

# Value of a metric in each block: what pairs.
RunValues = dict[int, float]


@dataclass(frozen=True, eq=False)
class Run:
    """A timed session without its warm-up."""

    session: Session
    steady: Timeline
    warmup: WarmUp

    @property
    def paced(self) -> bool:
        return self.steady.paced

    @property
    def block(self) -> int:
        return self.session.planned.block


def figures(
    runs: Sequence[Run], artifact: Artifact | None, confidence: float, idle: Idle | str = NO_IDLE
) -> tuple[dict[str, Estimate], dict[str, RunValues]]:
    """Every metric but the loss of quality, and the run-level values that the intervals stand on.

    ``idle``: the study's idle power, or why it has none.
    """
    paced, flat_out = [r for r in runs if r.paced], [r for r in runs if not r.paced]
    either = paced or flat_out
    per_run: dict[str, tuple[Sequence[Run], Callable[[Run], float | None]]] = {
        "latency_p50_ms": (paced, lambda r: float(np.median(r.steady.latency_ns)) / NS_PER_MS),
        "service_p50_ms": (flat_out, lambda r: float(np.median(r.steady.service_ns)) / NS_PER_MS),
        "miss_rate": (paced, lambda r: r.steady.miss_rate),
        "rtf": (either, lambda r: r.steady.rtf),
        "peak_rss_mb": (either, _peak_mb),
        "load_ms": (either, _load_ms),
    }
    metrics, values = {}, {}
    for name, (group, read) in per_run.items():
        values[name] = _by_block(group, read)
        metrics[name] = _over_runs(name, group, values[name], confidence)
    for name, group, read_ns in (("latency_p99_ms", paced, _latency_ns), ("service_p99_ms", flat_out, _service_ns)):
        metrics[name], values[name] = _p99(group, read_ns, confidence)
    metrics["size_mb"] = _size_mb(artifact)
    metrics[ENERGY], values[ENERGY] = _energy(either, idle, confidence)
    return metrics, values


def of_run(run: Run) -> dict[str, float]:
    """The figures of one run on its own, ``OF_RUN``; one that it cannot say is absent."""
    found = {
        "service_p50_ms": float(np.median(run.steady.service_ns)) / NS_PER_MS,
        "latency_p99_ms": percentile(_latency_ns(run) / NS_PER_MS, 0.99).value if run.paced else None,
        "rtf": run.steady.rtf,
        "peak_rss_mb": _peak_mb(run),
    }
    return {name: value for name, value in found.items() if value is not None}


def _latency_ns(run: Run) -> Int64:
    return run.steady.latency_ns


def _service_ns(run: Run) -> Int64:
    return run.steady.service_ns


def _by_block(runs: Sequence[Run], read: Callable[[Run], float | None]) -> RunValues:
    found = ((run.block, read(run)) for run in runs)
    return {block: value for block, value in found if value is not None}


def _over_runs(name: str, runs: Sequence[Run], values: RunValues, confidence: float) -> Estimate:
    if not runs:
        return Estimate(None, reason=_no_sessions(name))
    if len(values) < len(runs):
        return Estimate(None, reason=f"{len(runs) - len(values)} of {len(runs)} sessions could not read it")
    if name == "peak_rss_mb":
        # A peak is a bound and not a mean: the highest of all runs, for which runs give no interval.
        return Estimate(max(values.values()), n=len(values), reason=f"the highest of {len(values)} runs")
    interval = mean_interval(list(values.values()), confidence)
    return _estimate(interval, _unsteady(runs) or interval.reason)


def _estimate(interval: Interval, reason: str | None, basis: str = "runs") -> Estimate:
    """Bounds below zero are cut: no metric here has any."""
    low = None if interval.low is None else max(0.0, interval.low)
    return Estimate(interval.value, low, interval.high, interval.n, basis, reason)


def _p99(runs: Sequence[Run], read_ns: Callable[[Run], Int64], confidence: float) -> tuple[Estimate, RunValues]:
    if not runs:
        return Estimate(None, reason=_no_sessions("latency" if read_ns is _latency_ns else "service")), {}
    chunks = [read_ns(run) / NS_PER_MS for run in runs]
    own = {run.block: percentile(values, 0.99).value for run, values in zip(runs, chunks, strict=True)}
    known = {block: value for block, value in own.items() if value is not None}
    if len(known) == len(runs):
        interval = mean_interval(list(known.values()), confidence)
        return _estimate(interval, _unsteady(runs) or interval.reason), known
    pooled = percentile(np.concatenate(chunks), 0.99, confidence)
    if pooled.value is None:
        return Estimate(
            None, n=pooled.n, basis="chunks", reason=f"not estimable: {pooled.reason} in {len(runs)} runs"
        ), {}
    reason = (
        f"of the chunks of {len(runs)} runs together, as one run has fewer than {minimum_n(0.99)}; chunks of a run are "
        "not independent, so that the interval is too narrow"
    )
    return _estimate(pooled, reason, "chunks"), {}


def _no_sessions(name: str) -> str:
    if name.startswith(("latency", "miss")):
        return "no paced session"
    return "no flat-out session" if name.startswith("service") else "no timed session"


def _unsteady(runs: Sequence[Run]) -> str | None:
    count = sum(run.warmup.kind == NO_STEADY_STATE for run in runs)
    return f"{count} of {len(runs)} runs reached no steady state" if count else None


def _peak_mb(run: Run) -> float | None:
    """Highest peak of any phase; None where the steady phase, which was long, has none."""
    peaks = {phase.phase: phase.peak_bytes for phase in run.session.result.memory}
    if peaks.get("steady") is None:
        return None
    return max(peak for peak in peaks.values() if peak is not None) / BYTES_PER_MB


def _load_ms(run: Run) -> float | None:
    load_ns = run.session.result.load_ns
    return None if load_ns is None else load_ns / NS_PER_MS


def _size_mb(artifact: Artifact | None) -> Estimate:
    if artifact is None:
        return Estimate(None, reason="the artifact is not known", basis="file")
    size = artifact.size_bytes / BYTES_PER_MB
    return Estimate(size, size, size, 1, "file")


def _energy(runs: Sequence[Run], idle: Idle | str, confidence: float) -> tuple[Estimate, RunValues]:
    """Net of the idle power, which all runs share: its uncertainty widens the interval and does not shrink with runs.

    Not cut at zero: where a model draws less than can be told from the idle device, the figure says so by its interval.
    """
    if not runs:
        return Estimate(None, reason=_no_sessions(ENERGY)), {}
    try:
        found = _all_drawn(runs)
        if isinstance(idle, str):
            raise NoEnergy(f"{next(iter(found.values())).source.name} was read, but {idle}")
        if idle.doubt is not None:
            raise NoEnergy(f"the idle session was not idle: {idle.doubt}")
        same_source(list(found.values()), idle)
    except NoEnergy as exc:
        return Estimate(None, reason=str(exc)), {}
    values = {block: one.net_mj_per_audio_s(idle) for block, one in found.items()}
    interval = mean_interval(list(values.values()), confidence)
    reason = f"above the idle {idle.power_w:.3g} W; {next(iter(found.values())).source.described()}"
    if interval.value is None or interval.low is None or interval.high is None:
        return Estimate(interval.value, n=interval.n, reason=f"{interval.reason}; {reason}"), values
    shared = max(one.idle_uncertainty_mj(idle) for one in found.values())
    half = math.hypot(interval.high - interval.value, students_t.quantile(0.5 + confidence / 2, _NORMAL) * shared)
    return Estimate(interval.value, interval.value - half, interval.value + half, interval.n, "runs", reason), values


def _all_drawn(runs: Sequence[Run]) -> dict[int, Drawn]:
    """By block. Raises NoEnergy where any of the runs has none: the others may be the cheaper ones.

    Those whose sensor vanished for a while are left out where the others are half of them at least.
    """
    found: dict[int, Drawn] = {}
    reasons: list[str] = []
    for run in runs:
        try:
            found[run.block] = drawn(run.session, run.steady)
        except NoEnergy as exc:
            reasons.append(str(exc))
    if reasons:
        count = f"{len(reasons)} of {len(runs)} sessions: " if found else ""
        raise NoEnergy(count + "; ".join(dict.fromkeys(reasons)))
    whole = {block: one for block, one in found.items() if not one.broken}
    if 2 * len(whole) < len(found):
        broken = next(one for one in found.values() if one.broken)
        missed = f"{broken.source.name} said nothing for {broken.energy.missed_s:.3g} s of {broken.window_s:.3g} s"
        raise NoEnergy(f"{len(found) - len(whole)} of {len(found)} sessions are suspect: {missed}")
    return whole
