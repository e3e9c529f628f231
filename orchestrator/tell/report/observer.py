"""What measuring cost, and how true the clockwork was: published beside the figures that rest on it."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from agents import wire
from orchestrator.domain.observer import per_chunk_ns, rss_bytes, sampler_share, watchdog_share
from orchestrator.domain.session import Session
from orchestrator.domain.session_verdict import INVALID, SUSPECT, VALID
from orchestrator.statistics.percentiles import percentile
from orchestrator.tell.report.content import ReportContent
from orchestrator.tell.report.facts import Fact, joined
from orchestrator.tell.report.numbers import duration, percent, size
from orchestrator.tell.report.samples import settled
from orchestrator.tell.report.tables import Heading, Row, Table, number, text


def observer_facts(content: ReportContent) -> list[Fact]:
    told = (_lateness, _harness, _per_chunk, _resident, _on_off, _overruns, _clock)
    return [fact(content) for fact in told]


def _lateness(content: ReportContent) -> Fact:
    name = "Pacer lateness"
    rate = content.sample_rate_hz if content.artifacts else 0
    late = [settled(s, rate).lateness_ns for s in content.decided_on("paced") if "t_ns" in s.arrays]
    if not late:
        return Fact(name, f"not known: {content.no_paced_times}", absent=True)
    everything = np.concatenate(late)
    shown = [f"{name} {_percentile(everything, q)}" for name, q in (("p50", 0.5), ("p99", 0.99))]
    basis = f"{len(everything):,} chunks of {len(late)} paced runs"
    return Fact(name, joined(shown), f"how late a chunk was handed over, {basis}; it is part of the latency")


def _percentile(values_ns: NDArray[np.int64], quantile: float) -> str:
    found = percentile(values_ns, quantile)
    return "not estimable" if found.value is None else duration(found.value / 1e9)


def _harness(content: ReportContent) -> Fact:
    name = "Observer's share of one core"
    observers = _observers(content, "paced")
    shares = [o.harness_cpu_share for o in observers if o.harness_cpu_share is not None]
    if not shares:
        return Fact(name, "not measured: no paced session reported its own CPU time", absent=True)
    value = f"median {percent(float(np.median(shares)))}, highest {percent(max(shares))}"
    parts = {"sampler": sampler_share, "watchdog": watchdog_share}
    known = {part: [x for x in map(share, observers) if x is not None] for part, share in parts.items()}
    of_it = [f"{part} {percent(float(np.median(found)))}" for part, found in known.items() if found]
    return Fact(name, value, joined(["agent outside the timed stages", *of_it, f"{len(shares)} paced runs"]))


def _observers(content: ReportContent, mode: str) -> list[wire.ObserverCost]:
    return [s.result.observer for s in content.decided_on(mode) if s.result.observer]


def _per_chunk(content: ReportContent) -> Fact:
    name = "Overhead per chunk"
    gaps = [o.per_chunk_ns for o in _observers(content, "flat-out") if o.per_chunk_ns is not None]
    if not gaps:
        return Fact(name, "not measured: no flat-out session reported it", absent=True)
    value = f"median {duration(float(np.median(gaps)) / 1e9)}"
    paced = [x for x in map(per_chunk_ns, content.decided_on("paced")) if x is not None]
    waking = [f"paced {duration(float(np.median(paced)) / 1e9)} of CPU time, waking up included"] if paced else []
    basis = f"between the end of a chunk and the issue of the next one, {len(gaps)} flat-out runs"
    return Fact(name, value, joined([basis, *waking]))


def _resident(content: ReportContent) -> Fact:
    name = "Resident memory of the observer"
    found = [x for x in map(rss_bytes, _observers(content, "paced")) if x is not None]
    if not found:
        return Fact(name, "not measured: no paced session reported it", absent=True)
    detail = "agent before it imports a runtime, sampler, watchdog; what they share counts in each"
    return Fact(name, f"median {size(round(float(np.median(found))))}", f"{detail}, {len(found)} paced runs")


def _on_off(content: ReportContent) -> Fact:
    name, found = "Observer on and off", content.on_off
    if found is None:
        device = content.decision.device
        return Fact(name, f"not measured: earshot devices doctor {device} --observer does it", absent=True)
    return Fact(name, found.said, f"one fixed load, sampler and journal on and off in turn, {found.at_utc[:10]}")


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
    """Each cause with its count and one example; those of a valid session are about some of its figures."""
    doubted = [content.verdict_on(s) for kind in (INVALID, SUSPECT, VALID) for s in _judged(content, mode, kind)]
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
