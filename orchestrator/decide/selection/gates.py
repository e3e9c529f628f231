"""What keeps a candidate from winning: each gate is one function that returns its reason, or None.

They fail closed: what is missing counts as not met.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from agents.providers import CPU
from orchestrator.decide.selection.bounds import Bound, bounds_of, held_against
from orchestrator.decide.selection.compare import clearly_better
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.evidence import Evidence, throttled
from orchestrator.decide.selection.goals import QUALITY_LOSS
from orchestrator.decide.selection.policy import Policy
from orchestrator.decide.selection.quality_loss import more_items
from orchestrator.decide.selection.words import figure, percent
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.decision import METRICS, as_cost, worse
from orchestrator.domain.placement import fell_back
from orchestrator.domain.session import Session
from orchestrator.domain.session_verdict import INVALID, SUSPECT, VALID, not_held
from orchestrator.statistics.stability import backlog_slope, is_unstable

_RUNTIME = {"version of the runtime": "runtime_version", "build of the runtime": "runtime_build"}
QUALITY = "max_quality_loss"
_QUIETEN = "see earshot devices doctor, or let suspect sessions count (--allow-suspect)"


@dataclass(frozen=True)
class Rules:
    """What every gate is given beside the candidate's evidence. ``rivals``: how many are tested against the default."""

    constraints: Constraints
    policy: Policy
    baseline: Evidence | None
    rivals: int = 1

    @cached_property
    def bounds(self) -> tuple[Bound, ...]:
        return bounds_of(self.constraints, self.baseline)


@dataclass(frozen=True)
class Rejection:
    """``gate`` names the gate or, of the constraints, the limit that is not met."""

    gate: str
    reason: str


@dataclass(frozen=True)
class Shortfall:
    """A bound that is not met: ``reached`` None where the figure is missing. ``noise``: it is met, and the improvement
    is not beyond the noise.
    """

    bound: Bound
    limit: float
    reached: float | None
    noise: bool = False

    @property
    def excess(self) -> float:
        """How far beyond, as a share of the limit."""
        if self.noise:
            return 0.0
        if self.reached is None or self.limit <= 0 or self.reached <= 0:
            return math.inf
        return as_cost(self.bound.metric, self.reached) / as_cost(self.bound.metric, self.limit) - 1.0


def emulated(evidence: Evidence, rules: Rules) -> str | None:
    """No processor of its own ran it: its times are the emulator's, whatever it was asked to be."""
    for session in evidence.sessions:
        if session.emulated:
            return f"emulated ({session.emulated}): its times say nothing about a device"
    return None


def failed_session(evidence: Evidence, rules: Rules) -> str | None:
    """Any session without a good attempt, whatever its mode."""
    if not evidence.failures:
        return None
    first = evidence.failures[0]
    planned = first.session.planned
    more = f" and {len(evidence.failures) - 1} more" if len(evidence.failures) > 1 else ""
    return f"its {planned.mode} session of block {planned.block}{more} failed: {first.reason}"


def placement(evidence: Evidence, rules: Rules) -> str | None:
    """The requested provider ran the model. The CPU provider has nothing to fall back to."""
    wanted = evidence.candidate.provider
    profiled = () if evidence.placement is None else (evidence.placement,)
    for session in (*evidence.sessions, *profiled):
        why = fell_back(wanted, session.result, rules.policy.least_placement_share)
        if why is not None:
            return f"fell back: {why}"
    if wanted == CPU or (evidence.placement is not None and evidence.placement.result.placement):
        return None
    return f"it is not known whether {wanted} ran anything: no placement session ended well"


def parity(evidence: Evidence, rules: Rules) -> str | None:
    """The provider computes what the CPU of the same build computes from the same audio, on the device.

    Where a runtime has nothing to compare with, its task metric alone says what it is worth.
    """
    found = evidence.placement.result.parity if evidence.placement else None
    if found is None:
        return None
    if found.reason is not None:
        return f"its outputs are not those of {found.reference}: {found.reason}"
    floor_db = rules.policy.least_parity_db(evidence.candidate.recipe.precision)
    if found.snr_db is None or found.snr_db >= floor_db:
        return None
    return (
        f"its outputs are not those of {found.reference}: {found.snr_db:.1f} dB over {found.chunk_count} chunks, "
        f"{floor_db:g} dB is required"
    )


def affinity(evidence: Evidence, rules: Rules) -> str | None:
    """Each of its sessions was held to the CPUs that it is about."""
    for session in evidence.sessions:
        doubt = not_held(session)
        if doubt is not None:
            return f"{doubt.reason} (in its {session.planned.mode} session of block {session.planned.block})"
    return None


def throttling(evidence: Evidence, rules: Rules) -> str | None:
    for session in evidence.sessions:
        if throttled(session):
            states = [s for s in (session.result.before, session.result.after) if s is not None and s.throttled]
            return (
                f"throttled in block {session.planned.block} ({states[0].throttled_source}): let it cool and run again"
            )
    return None


def unlike(evidence: Evidence, rules: Rules) -> str | None:
    """Measured where the default was: device, build of the agent, transport, kernel, governor, Python. Where several
    units of one device model share a study, each session is held to the default's on its own unit.

    And with one build of its runtime, which is the default's where that has the same runtime and Python environment: a
    device's Python decides which versions it can have, so figures are compared only within one. A candidate in another
    environment is another build on purpose.
    """
    if rules.baseline is None or not rules.baseline.sessions:
        return _mixed(evidence)
    units = {s.environment.device: _surroundings(s) for s in reversed(rules.baseline.sessions)}
    build: dict[str, str | None] = {}
    if _same_build(evidence.candidate, rules.baseline.candidate):
        for name in _RUNTIME:
            known = [_runtime(s)[name] for s in rules.baseline.sessions if _runtime(s)[name]]
            build[name] = known[0] if known else None
    first = _surroundings(rules.baseline.sessions[0])
    for session in evidence.sessions:
        found = {**_surroundings(session), **_runtime(session)}
        for name, value in {**units.get(session.environment.device, first), **build}.items():
            if found[name] != value and None not in (value, found[name]):
                return f"not comparable with the fp32 default: {name} is {found[name]} against {value}"
    return _mixed(evidence)


def _same_build(candidate: Candidate, baseline: Candidate) -> bool:
    return (candidate.runtime, candidate.environment) == (baseline.runtime, baseline.environment)


def _runtime(session: Session) -> dict[str, str | None]:
    return {name: getattr(session.result, field) for name, field in _RUNTIME.items()}


def _mixed(evidence: Evidence) -> str | None:
    for field in _RUNTIME.values():
        found = sorted({text for s in evidence.sessions if (text := getattr(s.result, field))})
        if len(found) > 1:
            return f"not comparable with itself: measured with {evidence.candidate.runtime} {' and '.join(found)}"
    return None


def _surroundings(session: Session) -> dict[str, str | None]:
    where, before = session.environment, session.result.before
    return {
        "device": where.device,
        "device model": where.device_model,
        "agent": where.agent_sha256[:12],
        "transport": where.transport,
        "kernel": where.probe.kernel,
        "Python": where.probe.python,
        "governor": before.governor if before else None,
    }


def quality(evidence: Evidence, rules: Rules) -> str | None:
    """The upper bound of the loss meets the limit or the goal; without one there is no gate.

    A candidate that screening left behind was never asked for its quality: it cannot win without having been raced.
    """
    bound = next((b for b in rules.bounds if b.metric == QUALITY_LOSS), None)
    loss = evidence.quality.difference if evidence.quality else None
    if bound is None or (loss is None and not (evidence.raced or evidence.evaluated)):
        return None
    if loss is None:
        return evidence.metrics["quality_loss"].reason
    if bound.limit is None:
        return _no_limit(bound)
    if loss.upper <= bound.limit:
        return None
    goal = "" if bound.goal is None else f" by the goal {bound.goal}"
    said = f"upper bound {percent(loss.upper)}, the limit is {percent(bound.limit)}{goal}"
    text = f"error rate {percent(loss.value, sign=True)} ({said})"
    more = more_items(loss, bound.limit) if loss.value < bound.limit else None
    return text if more is None else f"{text}; about {more} more evaluation items would settle it"


def pacer(evidence: Evidence, rules: Rules) -> str | None:
    """The harness kept its schedule; else its own lateness is in the latency."""
    for run in evidence.runs:
        if run.paced:
            late = float(np.median(run.steady.lateness_ns)) / run.steady.chunk_ns
            if late > rules.policy.sessions.pacer_share:
                return f"invalid: in block {run.block} chunks were issued {percent(late)} of a chunk late in the median"
    return None


def believed(evidence: Evidence, rules: Rules) -> str | None:
    """Its sessions are valid, or enough of them that the suspect ones could be left out."""
    for run in evidence.runs:
        verdict = evidence.verdicts.get(run.session.session_id)
        if verdict is None or verdict.kind == VALID or (verdict.kind == SUSPECT and rules.policy.allow_suspect):
            continue
        where = f"its {run.session.planned.mode} session of block {run.block}"
        if verdict.kind == INVALID:
            return f"invalid: in {where} {verdict.reasons[0]}"
        return f"too few valid sessions: {where} is suspect ({'; '.join(verdict.reasons)}); {_QUIETEN}"
    return None


def stability(evidence: Evidence, rules: Rules) -> str | None:
    """No paced run has a backlog that grows, in seconds of audio per second; where nobody waits it may."""
    if not rules.constraints.real_time:
        return None
    for run in evidence.runs:
        if run.paced:
            slope = backlog_slope(run.steady.done_ns / 1e9, run.steady.latency_ns / 1e9, rules.policy.confidence)
            if is_unstable(slope):
                return (
                    f"unstable: in block {run.block} the backlog grows by {figure(slope.value)} s of audio per second"
                )
    return None


def shortfalls(evidence: Evidence, rules: Rules, only_known: bool = False) -> list[Shortfall]:
    """Bounds that are not met, the worst first (``held_against`` says which end of an estimate must meet one).

    ``only_known`` leaves out figures that are missing, which a screened candidate has not had the chance to get.
    """
    found = [s for b in rules.bounds if b.limit is not None and (s := _missed(evidence, b, rules, only_known))]
    return sorted(found, key=lambda s: -s.excess)


def _missed(evidence: Evidence, bound: Bound, rules: Rules, only_known: bool) -> Shortfall | None:
    limit = float(bound.limit or 0.0)
    reached = held_against(bound, evidence.metrics[bound.metric])
    if reached is None:
        return None if only_known else Shortfall(bound, limit, None)
    if worse(bound.metric, reached, limit):
        return Shortfall(bound, limit, reached)
    if bound.goal is None or not bound.goal.improves or only_known or rules.baseline in (None, evidence):
        return None
    assert rules.baseline is not None
    level = rules.policy.among(rules.rivals)
    sure = bound.metric == QUALITY_LOSS or clearly_better(evidence, rules.baseline, bound.metric, 0.0, level)
    return None if sure else Shortfall(bound, limit, reached, noise=True)


def rejection(evidence: Evidence, rules: Rules) -> Rejection | None:
    """The first gate that the candidate does not pass, in order of cost; of the constraints the worst."""
    for name, gate in GATES:
        reason = gate(evidence, rules)
        if reason is not None:
            return Rejection(name, reason)
    for bound in rules.bounds:
        if bound.limit is None and bound.metric != QUALITY_LOSS and evidence.raced:
            return Rejection(bound.name, _no_limit(bound))
    missed = [s for s in shortfalls(evidence, rules, not evidence.raced) if s.bound.metric != QUALITY_LOSS]
    return Rejection(missed[0].bound.name, _reason(evidence, missed[0])) if missed else None


def _no_limit(bound: Bound) -> str:
    return f"the goal {bound.name} has nothing to be held against: {bound.reason}"


def _reason(evidence: Evidence, missed: Shortfall) -> str:
    bound, metric = missed.bound, missed.bound.metric
    estimate, of = evidence.metrics[metric], METRICS[metric]
    if missed.reached is None:
        return f"{metric} is needed for {bound.name} and is missing: {estimate.reason}"
    if missed.noise:
        return f"{metric} is {figure(missed.reached)} {of}, which is not below the fp32 default's beyond the noise"
    upper = "" if estimate.high is None or estimate.basis == "file" else f", upper bound {figure(estimate.high)}"
    limit = f"is {missed.limit:g}" if bound.goal is None else f"asks for {figure(missed.limit)} {of}"
    return f"{metric} is {figure(missed.reached)} {of}{upper}; {bound.name} {limit}"


GATES: tuple[tuple[str, Callable[[Evidence, Rules], str | None]], ...] = (
    ("emulated", emulated),
    ("failed", failed_session),
    ("placement", placement),
    ("parity", parity),
    ("affinity", affinity),
    ("throttled", throttling),
    ("environment", unlike),
    ("quality", quality),
    ("pacer", pacer),
    ("suspect", believed),
    ("unstable", stability),
)
