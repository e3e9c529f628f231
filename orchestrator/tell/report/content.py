"""Everything that a report is made of. Nothing else is read while it is drawn."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from orchestrator.domain.artifact import Artifact
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.decision import STATUSES, CandidateVerdict, Decision, as_cost
from orchestrator.domain.heat import Heat
from orchestrator.domain.observer import OnOff
from orchestrator.domain.rounds import Rounds
from orchestrator.domain.score import Score
from orchestrator.domain.session import VERIFY_BLOCK, Session
from orchestrator.domain.session_verdict import KINDS, SessionVerdict, judge
from orchestrator.domain.state_drift import ShownDrift
from orchestrator.domain.streams_held import StreamsHeld
from orchestrator.domain.study import Study


@dataclass(frozen=True)
class ReportContent:
    """``sessions`` carry their arrays; ``refusals`` are (text of the recipe, reason) of what was never an artifact;
    ``streams`` the searches for concurrent streams on the study's device, oldest first. ``heat``: cold against hot
    winner, from all sustained sessions on the device, or why it is not known; ``drift``: of the winner's artifact,
    where it was measured. ``on_off``: whether observing changes what is observed there, where that was measured.
    ``rounds`` of re-export, where the study has had any.

    Raises ValueError where the decision belongs to another study, or sessions come without the artifact that says
    their sample rate.
    """

    study: Study
    decision: Decision
    sessions: Sequence[Session]
    scores: Sequence[Score]
    artifacts: Sequence[Artifact]
    refusals: Sequence[tuple[str, str]] = ()
    streams: Sequence[StreamsHeld] = ()
    heat: Heat | str = "no session was long enough"
    drift: ShownDrift | None = None
    on_off: OnOff | None = None
    rounds: Rounds | None = None

    def __post_init__(self) -> None:
        if self.decision.study_id != self.study.study_id:
            raise ValueError(f"decision of study {self.decision.study_id} does not fit study {self.study.study_id}")
        if self.sessions and not self.artifacts:
            raise ValueError(f"study {self.study.study_id} has sessions but no artifact that says their sample rate")

    @property
    def sample_rate_hz(self) -> int:
        """One rate for all artifacts of a model. Raises IndexError where there is no artifact."""
        return self.artifacts[0].contract.sample_rate_hz

    def decided_on(self, mode: str) -> list[Session]:
        """The sessions of ``mode`` that the decision stands on, in the order they ran: per candidate and block the
        latest that ended well, a valid one before a suspect before an invalid one. Those that verified it are left out.
        """
        ran = [s for s in self.sessions if s.ok and s.planned.mode == mode and s.planned.block < VERIFY_BLOCK]
        best: dict[tuple[str, int], Session] = {}
        for session in sorted(ran, key=lambda s: (-KINDS.index(self.verdict_on(s).kind), s.planned.attempt)):
            best[session.planned.candidate.key, session.planned.block] = session
        return sorted(best.values(), key=lambda s: (s.planned.block, s.planned.position))

    @property
    def no_paced_times(self) -> str:
        """Why nothing can be drawn from the chunks of paced sessions, where nothing can."""
        gone = [session.kept for session in self.decided_on("paced") if session.kept is not None]
        return gone[-1].said if gone else "no paced session of this study finished"

    def verdict_on(self, session: Session) -> SessionVerdict:
        return judge(session, self.sample_rate_hz)

    @property
    def winner(self) -> CandidateVerdict | None:
        return None if self.decision.winner is None else self.decision.of(self.decision.winner)

    @property
    def baseline(self) -> CandidateVerdict | None:
        return None if self.decision.baseline is None else self.decision.of(self.decision.baseline)

    def ranked(self) -> "list[Entry]":
        """Candidates as the report numbers them: by status, then by the objective; without a figure last."""
        verdicts = sorted(self.decision.candidates, key=lambda v: (STATUSES.index(v.status), *self._reached(v)))
        baseline = self.decision.baseline
        return [Entry(n, v, self._role(v), v.candidate.key == baseline) for n, v in enumerate(verdicts, start=1)]

    def _reached(self, verdict: CandidateVerdict) -> tuple[float, ...]:
        names = (self.decision.objective, "service_p50_ms")
        found = ((name, verdict.metrics.get(name)) for name in names)
        return tuple(math.inf if e is None or e.value is None else as_cost(name, e.value) for name, e in found)

    def _role(self, verdict: CandidateVerdict) -> str:
        key = verdict.candidate.key
        if key == self.decision.winner:
            return "winner"
        if key == self.decision.baseline:
            return "default"
        return "rejected" if verdict.status == "rejected" else "other"


@dataclass(frozen=True)
class Entry:
    """A candidate under its number in this report.

    ``role`` (winner, default, other, rejected) is how it is drawn; a default that wins has the role winner.
    """

    number: int
    verdict: CandidateVerdict
    role: str
    is_baseline: bool

    @property
    def key(self) -> str:
        return self.verdict.candidate.key

    @property
    def short(self) -> str:
        """For axes: the number tells candidates apart where the words do not."""
        return f"{self.number} · {self.words}"

    @property
    def words(self) -> str:
        candidate = self.verdict.candidate
        provider = candidate.provider.removesuffix("ExecutionProvider")
        held = f" · {candidate.cluster or candidate.cpus}" if candidate.affinity else ""
        within = "" if candidate.environment is None else f" · {candidate.environment}"
        return f"{candidate.recipe.precision} · {provider} · {candidate.threads}t{held}{within}"


def family(candidate: Candidate) -> str:
    """Key of what placement and quality depend on: everything but the number of threads, and where they run."""
    return replace(candidate, threads=1, affinity=(), cluster="").key
