"""Clocks: the wall clock against the controller's, and how well a sleep is kept."""

from dataclasses import dataclass

from agents.doctor.facts import DoctorFacts
from orchestrator.measure.doctor.finding import HARM, INFO, OK, WARN, Finding

# Ledgers order sessions of several devices by wall clock; certificates and wheels fail beyond minutes.
_SMALL_OFFSET_S, _LARGE_OFFSET_S = 2.0, 60.0
# NTP slews by 500 us/s at most (adjtimex(2)); more than this within a second is a step.
_STEP_S = 0.01
# Of a 10 ms chunk, the shortest that streams use, a tenth and a half.
_LATE_NS, _VERY_LATE_NS = 1_000_000, 5_000_000


@dataclass(frozen=True)
class Exchange:
    """Wall clock of the controller before it asked the doctor and after it had the answer."""

    asked_s: float
    answered_s: float


def rules(facts: DoctorFacts, exchange: Exchange) -> list[Finding]:
    return [offset(facts, exchange), sanity(facts), wake_up(facts)]


def offset(facts: DoctorFacts, exchange: Exchange) -> Finding:
    """The device read its clock after it was asked and before it had answered: that bounds the offset on both sides."""
    least_s = facts.clock.end_wall_s - exchange.answered_s
    most_s = facts.clock.begin_wall_s - exchange.asked_s
    seen = f"{least_s:+.2f}..{most_s:+.2f} s against the controller"
    sure_s = max(least_s, -most_s, 0.0)
    if sure_s < _SMALL_OFFSET_S:
        return Finding("wall-clock", OK, seen)
    why = "latencies do not use it; times of sessions, logs and certificates do"
    advice = "sudo timedatectl set-ntp true, or let the phone set its time by the network"
    return Finding("wall-clock", HARM if sure_s > _LARGE_OFFSET_S else WARN, seen, why, advice=advice)


def sanity(facts: DoctorFacts) -> Finding:
    clock = facts.clock
    if clock.backward_steps:
        seen = f"the monotonic clock went back {clock.backward_steps} times"
        why = "no latency of this device can be believed"
        return Finding("clock", HARM, seen, why, advice="look for a broken clocksource: dmesg | grep -i clocksource")
    seen = f"monotonic; wall clock moved {clock.step_s * 1e3:+.2f} ms against it in {clock.window_s:.1f} s"
    if abs(clock.step_s) > _STEP_S:
        return Finding("clock", WARN, seen, "somebody sets the wall clock; latencies do not depend on it")
    return Finding("clock", OK, seen)


def wake_up(facts: DoctorFacts) -> Finding:
    """How late sleeps end is the pacer's own error, before it spins."""
    clock = facts.clock
    seen = (
        f"sleeps of 1 ms end {clock.wake_error_median_ns / 1e6:.2f} ms late (median), "
        f"{clock.wake_error_worst_ns / 1e6:.2f} ms at worst of 100"
    )
    if clock.timer_slack_ns is not None:
        seen += f"; timer slack {clock.timer_slack_ns / 1e3:.0f} us (sessions ask for less)"
    if clock.wake_error_median_ns >= _LATE_NS:
        why = f"paced chunks are issued late by {clock.wake_error_median_ns / 1e6:.1f} ms and more: see lateness_ns"
        return Finding(
            "wake-up", HARM, seen, why, advice="quiet the device first: load, power save and doze cause this"
        )
    if clock.wake_error_worst_ns >= _VERY_LATE_NS:
        return Finding("wake-up", INFO, seen, "a rare late wake-up shows in the tail of lateness_ns")
    return Finding("wake-up", OK, seen)
