"""Everything that a report is made of. Nothing else is read while it is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.domain.artifact import Artifact
from orchestrator.domain.decision import CandidateVerdict, Decision
from orchestrator.domain.score import Score
from orchestrator.domain.session import Session
from orchestrator.domain.study import Study


@dataclass(frozen=True)
class ReportContent:
    """``sessions`` carry their arrays; ``refusals`` are (text of the recipe, reason) of what was never an artifact.

    Raises ValueError where the decision belongs to another study, or sessions come without the artifact that says
    their sample rate.
    """

    study: Study
    decision: Decision
    sessions: Sequence[Session]
    scores: Sequence[Score]
    artifacts: Sequence[Artifact]
    refusals: Sequence[tuple[str, str]] = ()

    def __post_init__(self) -> None:
        if self.decision.study_id != self.study.study_id:
            raise ValueError(f"decision of study {self.decision.study_id} does not fit study {self.study.study_id}")
        if self.sessions and not self.artifacts:
            raise ValueError(f"study {self.study.study_id} has sessions but no artifact that says their sample rate")

    @property
    def sample_rate_hz(self) -> int:
        """One rate for all artifacts of a model. Raises IndexError where there is no artifact."""
        return self.artifacts[0].contract.sample_rate_hz

    @property
    def fresh_session_ids(self) -> frozenset[str]:
        """Sessions that verified the winner; the decision did not stand on them."""
        verification = self.decision.verification
        return frozenset(verification.session_ids if verification else ())

    def decided_on(self, mode: str) -> list[Session]:
        """Finished sessions of ``mode`` that the decision stands on, in the order they ran."""
        chosen = [s for s in self.sessions if s.ok and s.planned.mode == mode]
        chosen = [s for s in chosen if s.session_id not in self.fresh_session_ids]
        return sorted(chosen, key=lambda s: (s.planned.block, s.planned.position, s.planned.attempt))

    @property
    def winner(self) -> CandidateVerdict | None:
        return None if self.decision.winner is None else self.decision.of(self.decision.winner)

    @property
    def baseline(self) -> CandidateVerdict | None:
        return None if self.decision.baseline is None else self.decision.of(self.decision.baseline)

    def ranked(self) -> "list[Entry]":
        """Candidates as the report numbers them: winner, front, dominated, rejected; the default keeps its place."""
        order = {"winner": 0, "front": 1, "dominated": 2, "rejected": 3}
        verdicts = sorted(self.decision.candidates, key=lambda v: order[v.status])
        baseline = self.decision.baseline
        return [Entry(n, v, self._role(v), v.candidate.key == baseline) for n, v in enumerate(verdicts, start=1)]

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
        """For axes: the number tells candidates apart where precision, provider and threads do not."""
        candidate = self.verdict.candidate
        provider = candidate.provider.removesuffix("ExecutionProvider")
        return f"{self.number} · {candidate.recipe.precision} · {provider} · {candidate.threads}t"
