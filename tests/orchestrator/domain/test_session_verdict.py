"""What makes a session valid, suspect or invalid."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from agents import wire
from agents.device_facts import BusyProcess, DeviceState
from orchestrator.domain.session import Session
from orchestrator.domain.session_verdict import INVALID, SUSPECT, VALID, SessionLimits, judge
from tests.sessions import CPU, SAMPLE_RATE_HZ, candidate, paced_times, service, session

BASE, XNNPACK = candidate(), candidate(provider="XnnpackExecutionProvider")


def after(of: Session, **state: Any) -> Session:
    """The session with another state after it."""
    return replace(of, result=replace(of.result, after=DeviceState(**state)))


def clocked(*frequency_hz: float) -> Session:
    of = session(BASE)
    return replace(of, arrays={**of.arrays, "sample_frequency_hz__policy0": np.array(frequency_hz)})


def test_a_quiet_session_is_valid() -> None:
    verdict = judge(session(BASE), SAMPLE_RATE_HZ)
    assert (verdict.kind, verdict.reasons, verdict.again, str(verdict)) == (VALID, (), False, "valid")


def late_paced(share: float) -> Session:
    return session(BASE, t_ns=paced_times(service(2.0, 800, 0), lateness_ns=round(share * 20e6)))


def moved_schedule() -> Session:
    times = paced_times(service(2.0, 800, 0))
    times[400:] += 3_000_000
    return session(BASE, t_ns=times)


def backwards() -> Session:
    times = paced_times(service(2.0, 800, 0))
    times[400, 4] = times[399, 4] - 1
    return session(BASE, t_ns=times)


@pytest.mark.parametrize(
    ("of", "kind", "cause", "words"),
    [
        (session(BASE, failure="killed"), INVALID, "failed", "it failed: killed"),
        (session(BASE, throttled_before=True), INVALID, "throttled", "throttled before it (synthetic flag)"),
        (session(BASE, throttled_after=True), INVALID, "throttled", "throttled after it"),
        (session(XNNPACK, registered=(CPU,)), INVALID, "fallback", "XnnpackExecutionProvider was asked for"),
        (late_paced(0.11), INVALID, "pacer", "11 % of a chunk late in the median"),
        (moved_schedule(), INVALID, "clock", "not one chunk apart"),
        (backwards(), INVALID, "clock", "run backwards"),
        (session(BASE, chunks=31), SUSPECT, "too-short", "31 chunks cannot tell"),
        (after(session(BASE), background_cpu_share=0.51), SUSPECT, "background", "51 % of all cores"),
        (clocked(*[2e9] * 20, *[1.5e9] * 10), SUSPECT, "frequency", "policy0 fell by 25 %"),
    ],
)
def test_each_doubt_by_itself(of: Session, kind: str, cause: str, words: str) -> None:
    verdict = judge(of, SAMPLE_RATE_HZ)
    assert verdict.kind == kind
    assert [doubt.cause for doubt in verdict.doubts] == [cause]
    assert words in verdict.reasons[0]


@pytest.mark.parametrize(
    "of",
    [
        late_paced(0.09),
        session(BASE, chunks=32),
        session(BASE, "flat-out", chunks=5),
        after(session(BASE), background_cpu_share=0.5),
        after(session(BASE), background_cpu_share=None),
        clocked(*[2e9] * 20, *[1.85e9] * 10),
        clocked(*[1.5e9] * 20, *[2e9] * 10),
        clocked(*[2e9] * 9, *[1e9] * 9),
        clocked(*[float("nan")] * 60),
    ],
    ids=str,
)
def test_what_is_within_the_limits_or_cannot_be_told_is_valid(of: Session) -> None:
    assert judge(of, SAMPLE_RATE_HZ).kind == VALID


def test_a_background_load_is_named_where_its_process_can_be_seen() -> None:
    of = after(
        session(BASE), background_cpu_share=0.6, busiest=(BusyProcess(812, "updater", 1.1), BusyProcess(9, "sshd", 0.1))
    )
    (reason,) = judge(of, SAMPLE_RATE_HZ).reasons
    assert reason == "something else used 60 % of all cores during it, the most by updater (pid 812) with 1.1 cores"


def held(used: tuple[int, ...] | None, **clocks: float) -> Session:
    """A session that was to be held to CPUs 4 and 5; each clock falls from 2 GHz to this."""
    of = session(replace(BASE, affinity=(4, 5), cluster="big"))
    given = None if used is None else wire.Scheduling((4, 5), used, "", "nice 0", 1)
    series = {f"sample_frequency_hz__{name}": np.array([2e9] * 20 + [to] * 10) for name, to in clocks.items()}
    return replace(of, result=replace(of.result, scheduling=given), arrays={**of.arrays, **series})


def test_who_was_not_held_to_its_cpus_is_invalid_and_so_is_who_does_not_tell() -> None:
    assert judge(held((4, 5)), SAMPLE_RATE_HZ).kind == VALID
    for used in ((0, 1, 4, 5), (4,), (), None):
        verdict = judge(held(used), SAMPLE_RATE_HZ)
        assert [doubt.cause for doubt in verdict.doubts] == ["affinity"]
        assert verdict.kind == INVALID


def test_only_the_clocks_of_its_own_cpus_count() -> None:
    assert judge(held((4, 5), policy0=1e9, policy4=2e9, policy6=1e9), SAMPLE_RATE_HZ).kind == VALID
    verdict = judge(held((4, 5), policy0=1e9, policy4=1.5e9, policy6=1e9), SAMPLE_RATE_HZ)
    assert [doubt.reason for doubt in verdict.doubts] == ["the clock policy4 fell by 25 % while it ran"]


def test_the_gravest_doubt_decides_and_comes_first() -> None:
    of = after(session(BASE), background_cpu_share=0.9, throttled=True)
    verdict = judge(of, SAMPLE_RATE_HZ)
    assert [doubt.cause for doubt in verdict.doubts] == ["throttled", "background"]
    assert verdict.kind == INVALID
    assert not verdict.again


def test_only_what_may_have_been_chance_is_worth_another_try() -> None:
    assert judge(after(session(BASE), background_cpu_share=0.9), SAMPLE_RATE_HZ).again
    assert not judge(session(BASE, chunks=5), SAMPLE_RATE_HZ).again
    assert not judge(session(BASE, failure="killed"), SAMPLE_RATE_HZ).again


def test_a_governor_that_changed_is_suspect_and_one_that_is_not_told_is_not() -> None:
    of = session(BASE)
    was = replace(of, result=replace(of.result, before=DeviceState(governor="performance")))
    assert judge(after(was, governor="powersave"), SAMPLE_RATE_HZ).kind == SUSPECT
    assert judge(after(was, governor="performance"), SAMPLE_RATE_HZ).kind == VALID
    assert judge(after(was), SAMPLE_RATE_HZ).kind == VALID


def test_limits_are_the_callers() -> None:
    of = after(session(BASE), background_cpu_share=0.3)
    assert judge(of, SAMPLE_RATE_HZ, SessionLimits(background_share=0.2)).kind == SUSPECT
