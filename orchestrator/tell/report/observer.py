"""What measuring cost, and how true the clockwork was: published beside the figures that rest on it."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from orchestrator.domain.session import Session
from orchestrator.domain.session_verdict import INVALID, SUSPECT
from orchestrator.statistics.percentiles import percentile
from orchestrator.tell.report.content import ReportContent
from orchestrator.tell.report.facts import Fact, joined
from orchestrator.tell.report.numbers import duration, percent
from orchestrator.tell.report.samples import settled
from orchestrator.tell.report.tables import Heading, Row, Table, number, text


def observer_facts(content: ReportContent) -> list[Fact]:
    return [_lateness(content), _harness(content), _per_chunk(content), _overruns(content), _clock(content)]


def _lateness(content: ReportContent) -> Fact:
    name = "Pacer lateness"
    rate = content.sample_rate_hz if content.artifacts else 0
    late = [settled(s, rate).lateness_ns for s in content.decided_on("paced") if "t_ns" in s.arrays]
    if not late:
        return Fact(name, "not measured: no paced session finished", absent=True)
    everything = np.concatenate(late)
    shown = [f"{name} {_percentile(everything, q)}" for name, q in (("p50", 0.5), ("p99", 0.99))]
    basis = f"{len(everything):,} chunks of {len(late)} paced runs"
    return Fact(name, joined(shown), f"how late a chunk was handed over, {basis}; it is part of the latency")


def _percentile(values_ns: NDArray[np.int64], quantile: float) -> str:
    found = percentile(values_ns, quantile)
    return "not estimable" if found.value is None else duration(found.value / 1e9)


def _harness(content: ReportContent) -> Fact:
    name = "Harness share of one core"
    observers = [s.result.observer for s in content.decided_on("paced") if s.result.observer]
    shares = [o.harness_cpu_share for o in observers if o.harness_cpu_share is not None]
    if not shares:
        return Fact(name, "not measured: no paced session reported its own CPU time", absent=True)
    value = f"median {percent(float(np.median(shares)))}, highest {percent(max(shares))}"
    return Fact(name, value, f"agent outside the timed stages and sampler, {len(shares)} paced runs")


def _per_chunk(content: ReportContent) -> Fact:
    name = "Overhead per chunk"
    observers = [s.result.observer for s in content.decided_on("flat-out") if s.result.observer]
    gaps = [o.per_chunk_ns for o in observers if o.per_chunk_ns is not None]
    if not gaps:
        return Fact(name, "not measured: no flat-out session reported it", absent=True)
    value = f"median {duration(float(np.median(gaps)) / 1e9)}"
    return Fact(name, value, f"between the end of a chunk and the issue of the next one, {len(gaps)} flat-out runs")


def _overruns(content: ReportContent) -> Fact:
    sessions = content.decided_on("paced")
    if not sessions:
        return Fact("Overruns", "not measured: no paced session finished", absent=True)
    total = sum(s.result.overruns for s in sessions)
    return Fact("Overruns", f"{total:,}", f"chunks that found the ring full, {len(sessions)} paced runs")


def _clock(content: ReportContent) -> Fact:
    steps = [abs(s.result.clock_step_s) for s in content.sessions if s.ok]
    if not steps:
        return Fact("Wall clock", "not measured: no session finished", absent=True)
    value = f"moved by at most {duration(max(steps))}"
    return Fact("Wall clock", value, "against the monotonic one, in a session; latencies do not depend on it")


def session_table(content: ReportContent) -> Table:
    """How many sessions ran in each mode and how they ended; each failure and each doubt with its reason."""
    ended = Counter((s.planned.mode, s.ok) for s in content.sessions)
    modes = sorted({mode for mode, _ in ended})
    counts = [
        Row(
            (
                text(mode),
                *(number(f"{ended[mode, ok]:,}") for ok in (True, False)),
                *(number(f"{len(_judged(content, mode, kind)):,}") for kind in (SUSPECT, INVALID)),
                text("; ".join(filter(None, (_failures(content, mode), _doubts(content, mode))))),
            )
        )
        for mode in modes
    ]
    columns = ("Finished", "Failed", "Suspect", "Invalid")
    headings = (Heading("Mode"), *(Heading(name, number=True) for name in columns), Heading("Why"))
    return Table("sessions", "Sessions of this study", headings, tuple(counts))


def _judged(content: ReportContent, mode: str, kind: str) -> list[Session]:
    """Sessions that ended well and yet are ``kind``."""
    return [s for s in content.sessions if s.planned.mode == mode and s.ok and content.verdict_on(s).kind == kind]


def _doubts(content: ReportContent, mode: str) -> str:
    """Each cause with its count and one example."""
    doubted = [content.verdict_on(s) for kind in (INVALID, SUSPECT) for s in _judged(content, mode, kind)]
    causes = Counter(doubt.cause for verdict in doubted for doubt in verdict.doubts)
    example = {doubt.cause: doubt.reason for verdict in doubted for doubt in verdict.doubts}
    return "; ".join(f"{count} x {example[cause]}" for cause, count in causes.items())


def _failures(content: ReportContent, mode: str) -> str:
    failed = [s for s in content.sessions if s.planned.mode == mode and not s.ok]
    numbers = {e.key: e.number for e in content.ranked()}
    return "; ".join(
        f"candidate {numbers.get(s.planned.candidate.key, '?')}, block {s.planned.block + 1}: {s.result.reason}"
        for s in failed
    )
