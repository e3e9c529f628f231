"""What is known about each candidate: its good sessions, those that failed, its figures and its loss of quality."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.decide.selection.elsewhere import Elsewhere, elsewhere_of
from orchestrator.decide.selection.figures import Run, RunValues, figures
from orchestrator.decide.selection.policy import Policy
from orchestrator.decide.selection.quality_loss import QualityLoss, loss_estimate, quality_losses
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.candidate import Candidate, default_of
from orchestrator.domain.decision import Estimate
from orchestrator.domain.energy import NO_IDLE, Idle, idle_or_reason
from orchestrator.domain.score import Score
from orchestrator.domain.session import IDLE, VERIFY_BLOCK, Session
from orchestrator.domain.session_verdict import DEFAULT_LIMITS, KINDS, SUSPECT, SessionLimits, SessionVerdict, judge
from orchestrator.statistics.warmup import classify

TIMED = ("paced", "flat-out")


@dataclass(frozen=True)
class Failure:
    """A session (one mode, one block) of which no attempt ended well."""

    session: Session
    reason: str


@dataclass(frozen=True, eq=False)
class Evidence:
    """All that is known about one candidate in one study.

    ``sessions`` has one good attempt per mode and block, ``runs`` the timed ones of them without their warm-up,
    ``failures`` the modes and blocks without a good attempt. ``values`` maps a metric to its value in each block.
    ``verdicts``: of each session by its id. Runs of suspect sessions are left out where the valid ones are enough.
    """

    candidate: Candidate
    artifact: Artifact | None
    sessions: tuple[Session, ...]
    runs: tuple[Run, ...]
    failures: tuple[Failure, ...]
    placement: Session | None
    quality: QualityLoss | None
    metrics: dict[str, Estimate] = field(default_factory=dict)
    values: dict[str, RunValues] = field(default_factory=dict)
    verdicts: dict[str, SessionVerdict] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.candidate.key

    @property
    def raced(self) -> bool:
        """It has paced sessions, which a recommendation stands on; one with flat-out ones only was screened."""
        return any(run.paced for run in self.runs)

    @property
    def evaluated(self) -> bool:
        return any(s.planned.mode == "evaluate" for s in self.sessions)

    def value(self, metric: str) -> float | None:
        return self.metrics[metric].value


def family(candidate: Candidate) -> tuple[object, ...]:
    """What placement and quality depend on: everything but the number of threads, and where they run."""
    options = tuple(sorted(candidate.session_options.items()))
    whose = candidate.runtime, candidate.environment, candidate.provider
    return candidate.artifact_sha256, *whose, candidate.chunk_samples, options


def gather(
    sessions: Iterable[Session],
    artifacts: Iterable[Artifact],
    scores: Iterable[Score],
    policy: Policy,
    elsewhere: Elsewhere | None = None,
) -> list[Evidence]:
    """Evidence for every candidate that has a session, in the order in which they first ran."""
    by_hash = {a.sha256: a for a in artifacts}
    whole = list(sessions)
    # One rate for all artifacts of a model.
    idle = idle_or_reason(whole, next(iter(by_hash.values())).contract.sample_rate_hz) if by_hash else NO_IDLE
    every = [s for s in whole if s.planned.mode != IDLE]
    race = [s for s in every if s.planned.block < VERIFY_BLOCK]
    verifying = {s.session_id for s in every if s.planned.block >= VERIFY_BLOCK}
    scores = [score for score in scores if score.session_id not in verifying]
    by_key: dict[str, list[Session]] = {}
    for session in race:
        by_key.setdefault(session.planned.candidate.key, []).append(session)
    candidates = {key: found[0].planned.candidate for key, found in by_key.items()}
    losses = quality_losses(candidates, scores, family, policy)
    placements = {family(s.planned.candidate): s for s in race if s.planned.mode == "placement" and s.ok}
    return [
        _evidence(
            candidates[key],
            found,
            by_hash,
            losses.get(key),
            placements.get(family(candidates[key])),
            policy,
            idle,
            elsewhere or {},
        )
        for key, found in by_key.items()
    ]


def baseline_of(evidence: Iterable[Evidence]) -> Evidence | None:
    """The plain fp32 CPU default, where the study has one."""
    by_candidate = {e.key: e for e in evidence}
    default = default_of(e.candidate for e in by_candidate.values())
    return by_candidate[default.key] if default else None


def timed_runs(sessions: Iterable[Session], artifact: Artifact | None) -> tuple[list[Run], list[Failure]]:
    """Runs without their warm-up; a session whose times cannot be used is a failure. One without times at all too."""
    runs, failures = [], []
    for session in sessions:
        if artifact is None:
            failures.append(Failure(session, f"its artifact {session.planned.candidate.artifact_sha256} is not known"))
            continue
        try:
            timeline = session.timeline(artifact.contract.sample_rate_hz)
        except ValueError as exc:
            failures.append(Failure(session, str(exc)))
            continue
        warmup = classify(timeline.service_ns)
        runs.append(Run(session, timeline.after(warmup.skip), warmup))
    return runs, failures


def best_attempts(
    sessions: Iterable[Session], sample_rate_hz: int | None, limits: SessionLimits = DEFAULT_LIMITS
) -> tuple[list[Session], list[Failure]]:
    """Per mode and block the latest attempt that ended well, a valid one before a suspect before an invalid one."""
    slots: dict[tuple[str, int], list[Session]] = {}
    for session in sessions:
        slots.setdefault((session.planned.mode, session.planned.block), []).append(session)
    good, failures = [], []
    for attempts in slots.values():
        ended = [s for s in attempts if s.ok]
        if len(ended) > 1:
            worth = {s.session_id: -KINDS.index(judge(s, sample_rate_hz, limits).kind) for s in ended}
            ended.sort(key=lambda s: (worth[s.session_id], s.planned.attempt))
        if ended:
            good.append(ended[-1])
        else:
            last = max(attempts, key=lambda s: s.planned.attempt)
            failures.append(Failure(last, last.result.reason or "it failed without a reason"))
    return good, failures


def throttled(session: Session) -> bool:
    """A flag was set before or after it; latched flags, so one set before the session counts."""
    states = (session.result.before, session.result.after)
    return any(state is not None and state.throttled is True for state in states)


def _evidence(
    candidate: Candidate,
    sessions: Sequence[Session],
    artifacts: Mapping[str, Artifact],
    quality: QualityLoss | None,
    placement: Session | None,
    policy: Policy,
    idle: Idle | str,
    elsewhere: Elsewhere,
) -> Evidence:
    artifact = artifacts.get(candidate.artifact_sha256)
    rate = artifact.contract.sample_rate_hz if artifact else None
    good, failures = best_attempts(sessions, rate, policy.sessions)
    verdicts = {s.session_id: judge(s, rate, policy.sessions) for s in good} if artifact else {}
    timed = [s for s in good if s.planned.mode in TIMED]
    runs, unusable = timed_runs(_believed(timed, verdicts, policy), artifact)
    metrics, values = figures(runs, artifact, policy.confidence, idle)
    metrics["quality_loss"] = loss_estimate(quality)
    metrics |= elsewhere_of(candidate, sessions[0].planned.device, elsewhere)
    return Evidence(
        candidate=candidate,
        artifact=artifact,
        sessions=tuple(good),
        runs=tuple(runs),
        failures=(*failures, *unusable),
        placement=placement,
        quality=quality,
        metrics=metrics,
        values=values,
        verdicts=verdicts,
    )


def _believed(sessions: Sequence[Session], verdicts: Mapping[str, SessionVerdict], policy: Policy) -> list[Session]:
    """Without the suspect ones in each mode that has enough others; elsewhere a gate says what is the matter."""
    if policy.allow_suspect:
        return list(sessions)
    kept = []
    for mode in TIMED:
        those = [s for s in sessions if s.planned.mode == mode]
        valid = [s for s in those if s.session_id not in verdicts or verdicts[s.session_id].kind != SUSPECT]
        kept += valid if valid and len(valid) >= policy.least_valid_share * len(those) else those
    return kept
