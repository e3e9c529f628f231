"""Whether the re-exported winner does in fresh sessions what it did in the race."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.decide.selection.compare import ratio
from orchestrator.decide.selection.elsewhere import MODES
from orchestrator.decide.selection.evidence import Evidence, best_attempts, throttled, timed_runs
from orchestrator.decide.selection.figures import figures
from orchestrator.decide.selection.gates import QUALITY
from orchestrator.decide.selection.policy import Policy
from orchestrator.decide.selection.words import figure, unit
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.decision import METRIC_OF, Decision, Estimate, Verification, worse
from orchestrator.domain.energy import Idle, idle_or_reason
from orchestrator.domain.session import IDLE, Session
from orchestrator.statistics.interval import Interval
from orchestrator.statistics.intervals import prediction_interval

_POLICY = Policy()
# What takes sessions of another mode than those that verify.
_NOT_PACED = ("service_p50_ms", "service_p99_ms", *MODES)


def verify(
    decision: Decision,
    fresh_sessions: Sequence[Session],
    artifact: Artifact,
    *,
    byte_equal: bool | None = None,
    policy: Policy = _POLICY,
) -> Verification:
    """The winner's objective in ``fresh_sessions`` of the re-exported ``artifact`` against the race.

    It repeats when the mean over the m fresh runs is not above the prediction interval for the mean of m further runs
    (``prediction_interval``), taken no narrower than the policy's tolerance; better than predicted passes too. Fresh
    sessions of the fp32 default beside it, where there are any, tell a device that changed from a winner that did: a
    figure that is too high passes where its ratio to the default still lies in its own prediction interval. A failed,
    throttled or missing session, a missed constraint or a new artifact without parity never passes. Idle sessions may
    be among them, for the energy.
    """
    if decision.winner is None:
        raise ValueError(f"study {decision.study_id} has no winner to verify")
    winner = decision.of(decision.winner)
    equal = artifact.sha256 == winner.candidate.artifact_sha256 if byte_equal is None else byte_equal
    idle = idle_or_reason(fresh_sessions, artifact.contract.sample_rate_hz)
    fresh_sessions = [s for s in fresh_sessions if s.planned.mode != IDLE]
    mine = [s for s in fresh_sessions if s.planned.candidate.artifact_sha256 == artifact.sha256]
    if decision.baseline not in (None, decision.winner):
        mine = [s for s in mine if s.planned.candidate.key != decision.baseline]
    again = _fresh(mine, artifact, policy, idle)
    metric = _told(decision)
    check = _Check(decision, again, _baseline(fresh_sessions, decision, artifact, policy, idle), policy, metric)
    problem = _broken(mine, again, artifact, equal) or check.missed_limit()
    expected, passed, reason = check.repeats()
    return Verification(
        candidate_key=decision.winner,
        artifact_sha256=artifact.sha256,
        byte_equal=equal,
        metric=metric,
        expected=expected,
        measured=again.metrics[metric] if again else Estimate(None, reason=problem or "no fresh session"),
        passed=passed and problem is None,
        session_ids=tuple(s.session_id for s in fresh_sessions),
        reason=problem or reason,
    )


def _told(decision: Decision) -> str:
    """The objective, where paced sessions can tell it; else what of a profile weighs most that they can, else the
    latency.
    """
    wanted = sorted(decision.weights, key=lambda metric: -decision.weights[metric]) or [decision.objective]
    return next((metric for metric in wanted if metric not in _NOT_PACED), "latency_p50_ms")


def _fresh(sessions: Sequence[Session], artifact: Artifact, policy: Policy, idle: Idle | str) -> Evidence | None:
    if not sessions:
        return None
    good, failures = best_attempts(sessions, artifact.contract.sample_rate_hz, policy.sessions)
    runs, unusable = timed_runs(good, artifact)
    metrics, values = figures(runs, artifact, policy.confidence, idle)
    candidate = sessions[0].planned.candidate
    return Evidence(candidate, artifact, tuple(good), tuple(runs), (*failures, *unusable), None, None, metrics, values)


def _baseline(
    sessions: Sequence[Session], decision: Decision, artifact: Artifact, policy: Policy, idle: Idle | str
) -> Evidence | None:
    """Times only: the contract, and so the sample rate, is the model's and the same for both artifacts."""
    if decision.baseline in (None, decision.winner):
        return None
    return _fresh([s for s in sessions if s.planned.candidate.key == decision.baseline], artifact, policy, idle)


def _broken(sessions: Sequence[Session], again: Evidence | None, artifact: Artifact, byte_equal: bool) -> str | None:
    if not byte_equal and not artifact.passed:
        return "the re-export gave other bytes, and they fail parity"
    if again is None:
        return "there is no fresh session of the re-exported artifact"
    if again.failures:
        return f"fresh session {again.failures[0].session.session_id} failed: {again.failures[0].reason}"
    hot = [s for s in again.sessions if throttled(s)]
    return f"fresh session {hot[0].session_id} throttled" if hot else None


@dataclass(frozen=True)
class _Check:
    decision: Decision
    again: Evidence | None
    default: Evidence | None
    policy: Policy
    metric: str

    def missed_limit(self) -> str | None:
        """A limit that the fresh figures miss. One that too few fresh chunks cannot show stays with the race."""
        for name, limit in self.decision.constraints.items():
            if self.again is None or name == QUALITY:
                continue
            found = self.again.metrics.get(METRIC_OF[name])
            value = None if found is None else found.value
            if value is not None and worse(METRIC_OF[name], value, limit):
                return f"{METRIC_OF[name]} is {figure(value)} in fresh sessions, {name} is {limit:g}"
        return None

    def repeats(self) -> tuple[Estimate, bool, str]:
        """What was expected, whether it came, and the reason."""
        race = self.decision.of(str(self.decision.winner)).metrics[self.metric]
        measured = self.again.metrics[self.metric] if self.again else None
        if race.value is None or measured is None or measured.value is None:
            return race, False, f"no fresh {self.metric} to compare"
        low, high = self._predicted(race, max(1, measured.n))
        expected = Estimate(race.value, low, high, race.n, race.basis, f"prediction for {measured.n} fresh runs")
        of = unit(self.metric)
        range_text = f"{figure(low)}..{figure(high)} {of} expected from the race"
        found = f"{figure(measured.value)} {of} in {measured.n} fresh runs"
        if measured.value <= high:
            better = ", better than" if measured.value < low else ","
            return expected, True, f"{found}{better} {range_text}"
        held = self._gain_held()
        if held is not None:
            return expected, True, f"{found} against {range_text}, but the default moved alike: {held}"
        return expected, False, f"does not repeat: {found} against {range_text}"

    def _predicted(self, race: Estimate, runs: int) -> tuple[float, float]:
        assert race.value is not None
        least = self.policy.repeat_tolerance * abs(race.value)
        if race.low is None or race.high is None or race.basis != "runs":
            return race.value - least, race.value + least
        # A lower end cut at zero does not tell the spread; the upper one does.
        half = race.high - race.value
        mean = Interval(race.value, race.value - half, race.high, race.n, self.policy.confidence)
        predicted = prediction_interval(mean, runs, self.policy.confidence)
        width = least if predicted.high is None else max(least, predicted.high - race.value)
        return race.value - width, race.value + width

    def _gain_held(self) -> str | None:
        """The gain in the fresh pairs, where it is no less than the race predicts for as many pairs."""
        gain = self.decision.gain
        if self.default is None or self.again is None or self.default.failures or gain.value is None:
            return None
        if self.metric != self.decision.objective:
            return None
        fresh = ratio(self.default, self.again, self.metric, self.policy.confidence)
        if fresh.value is None:
            return None
        least = gain.value / (1.0 + self.policy.repeat_tolerance)
        if gain.low is not None and gain.high is not None and gain.low > 0 and gain.n > 1:
            logs = Interval(math.log(gain.value), math.log(gain.low), math.log(gain.high), gain.n)
            predicted = prediction_interval(logs, max(1, fresh.n), self.policy.confidence)
            least = min(least, math.exp(predicted.low or 0.0))
        return f"{figure(fresh.value)}x against the fp32 default" if fresh.value >= max(1.0, least) else None
