"""What one session says to a search: its outcome, and what it measured of what is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.decide.search.question import KNOWN_BEFORE, SUSPECT, Entrant, Question
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.evidence import throttled, timed_runs
from orchestrator.decide.selection.figures import figures
from orchestrator.decide.selection.objective import Objective
from orchestrator.decide.selection.policy import Policy
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.decision import METRIC_OF, MORE_IS_BETTER, SCORE
from orchestrator.domain.energy import Idle
from orchestrator.domain.placement import fell_back
from orchestrator.domain.session import Session
from orchestrator.domain.session_verdict import INVALID, judge
from orchestrator.domain.session_verdict import SUSPECT as DISTURBED

# What a single session of a mode measures for certain, where the device can. A p99 takes more chunks than most have.
_TOLD = {
    "flat-out": ("service_p50_ms", "rtf", "peak_rss_mb", "load_ms", "size_mb"),
    "paced": ("latency_p50_ms", "rtf", "peak_rss_mb", "load_ms", "size_mb"),
}
_MEDIAN = {"flat-out": "service_p50_ms", "paced": "latency_p50_ms"}
# What a front trades the objective against.
_TRADED = ("peak_rss_mb", "size_mb")
_ENERGY = "energy_mj_per_audio_s"


@dataclass(frozen=True)
class Reading:
    """How sessions of one ``mode`` are read for an objective. ``idle``: the device's idle power, or why there is none.

    What a session cannot tell (a p99, how hot it gets) its median time stands in for.
    """

    mode: str
    objective: Objective
    constraints: Constraints
    policy: Policy
    idle: Idle | str

    @property
    def question(self) -> Question:
        """In the metrics that one session tells. A limit on another one is left to the decision."""
        limits = {
            METRIC_OF[name]: limit
            for name, limit in self.constraints.limits().items()
            if METRIC_OF[name] in self._told and METRIC_OF[name] not in MORE_IS_BETTER
        }
        metrics = {self._stand_in(metric) for metric in self.objective.metrics}
        single = len(self.objective.metrics) == 1
        minimize = metrics.pop() if single else SCORE
        return Question(minimize, limits, self.policy.indifference, tuple(m for m in _TRADED if m != minimize))

    @property
    def exact(self) -> bool:
        """Its figure is the objective's own; else one that stands in for it."""
        return all(self._stand_in(metric) == metric for metric in self.objective.metrics)

    def entrant(self, candidate: Candidate, artifact: Artifact) -> Entrant:
        traits = {
            "runtime": candidate.runtime,
            "provider": candidate.provider,
            "recipe": str(candidate.recipe),
            "threads": str(candidate.threads),
            "cpus": candidate.cpus,
            "environment": candidate.environment or "",
            "options": " ".join(f"{k}={v}" for k, v in sorted(candidate.session_options.items())),
        }
        return Entrant(candidate.key, {"size_mb": artifact.size_bytes / 1e6}, traits)

    def outcome(self, session: Session, sample_rate_hz: int) -> str:
        """ok, fallback, failed, throttled or suspect. An invalid session says nothing: it counts as failed."""
        if not session.ok:
            return "failed"
        if fell_back(session.planned.candidate.provider, session.result, self.policy.least_placement_share):
            return "fallback"
        if throttled(session):
            return "throttled"
        kind = judge(session, sample_rate_hz, self.policy.sessions).kind
        if kind == INVALID:
            return "failed"
        return SUSPECT if kind == DISTURBED and not self.policy.allow_suspect else "ok"

    def figures(self, session: Session, artifact: Artifact) -> dict[str, float]:
        """Metric -> value, absent where it was not measured; the objective's own figure is among them."""
        runs, _ = timed_runs([session], artifact)
        if not runs:
            return {}
        estimates, _ = figures(runs, artifact, self.policy.confidence, self.idle)
        found = {name: e.value for name, e in estimates.items() if e.value is not None and e.value > 0}
        stands_for = {metric: self._value(metric, found) for metric in self.objective.metrics}
        score = self.objective.score({metric: value for metric, value in stands_for.items() if value is not None})
        told = {name: value for name, value in found.items() if name not in KNOWN_BEFORE}
        return told if score is None else {**told, SCORE: score}

    @property
    def _told(self) -> tuple[str, ...]:
        return _TOLD[self.mode] if isinstance(self.idle, str) else (*_TOLD[self.mode], _ENERGY)

    def _stand_in(self, metric: str) -> str:
        return metric if metric in self._told else _MEDIAN[self.mode]

    def _value(self, metric: str, found: Mapping[str, float]) -> float | None:
        value = found.get(self._stand_in(metric))
        turned = metric in MORE_IS_BETTER and value is not None
        return 1.0 / value if turned and value is not None else value
