"""From sessions to a decision: the winner with its reasons, and the reason of every other candidate."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.decide.selection.compare import ratio, tied
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.elsewhere import Elsewhere
from orchestrator.decide.selection.evidence import Evidence, baseline_of, gather
from orchestrator.decide.selection.gates import Rejection, Rules, rejection, shortfalls
from orchestrator.decide.selection.objective import Objective
from orchestrator.decide.selection.pareto import better_in, dominators, spans
from orchestrator.decide.selection.policy import Policy
from orchestrator.decide.selection.profile import units_of, with_score
from orchestrator.decide.selection.ranking import choose_winner, objective_value
from orchestrator.decide.selection.screening import finalists, stand_in
from orchestrator.decide.selection.sentence import default_sentence, infeasible_sentence, winner_sentence
from orchestrator.decide.selection.words import NAMES, times
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.decision import METRIC_OF, SCORE, CandidateVerdict, Decision, Estimate, Nearest
from orchestrator.domain.score import Score
from orchestrator.domain.session import Session
from orchestrator.domain.study import Study
from orchestrator.statistics.interval import Interval

__all__ = ["decide", "finalists"]

DEFAULT_POLICY = Policy()


def decide(
    study: Study,
    sessions: Sequence[Session],
    artifacts: Iterable[Artifact],
    scores: Iterable[Score],
    *,
    objective: Objective,
    constraints: Constraints,
    refusals: Iterable[tuple[Candidate, str]] = (),
    policy: Policy = DEFAULT_POLICY,
    elsewhere: Elsewhere | None = None,
) -> Decision:
    """One study's decision. ``refusals`` are candidates that never ran (export or parity), each with its reason;
    ``elsewhere`` the figures that took sessions outside of the study.

    A candidate that failed, fell back, throttled, lost too much quality, was not raced or lacks a figure that is asked
    for never wins. Sessions that verified an earlier decision are left out.
    """
    evidence = _with_objective(gather(sessions, artifacts, scores, policy, elsewhere), objective, policy)
    court = _Court(study, evidence, baseline_of(evidence), objective, constraints, policy)
    refused = tuple(CandidateVerdict(c, "rejected", reason, gate="export") for c, reason in refusals)
    return court.decision(_device_model(study, sessions), refused)


def _with_objective(evidence: list[Evidence], objective: Objective, policy: Policy) -> list[Evidence]:
    """A profile is one more figure of each candidate, in units of the fp32 default."""
    if objective.metric != SCORE:
        return evidence
    baseline = baseline_of(evidence)
    units = units_of(baseline.metrics if baseline else None, objective.metrics)
    return [with_score(e, objective.weights, units, policy.confidence) for e in evidence]


def _device_model(study: Study, sessions: Sequence[Session]) -> str:
    return sessions[0].environment.device_model if sessions else study.device


@dataclass
class _Court:
    """One decision in the making: rejections first, then the winner, then everyone's reason."""

    study: Study
    evidence: list[Evidence]
    baseline: Evidence | None
    objective: Objective
    constraints: Constraints
    policy: Policy

    def __post_init__(self) -> None:
        self.metric = self.objective.metric
        self.spans = spans(self.objective, self.constraints)
        rules = Rules(self.constraints, self.policy, self.baseline)
        self.rejections = {e.key: rejection(e, rules) or self._unmeasured(e) for e in self.evidence}
        self.eligible = [e for e in self.evidence if self.rejections[e.key] is None and e.raced]
        self.winner = choose_winner(self.eligible, self.baseline, self.metric, self.policy)
        self.dominators = dominators(self.eligible, self.winner, self.spans, self.policy)

    def _unmeasured(self, evidence: Evidence) -> Rejection | None:
        estimate = evidence.metrics[self.metric]
        if estimate.value is not None or not evidence.raced:
            return None
        return Rejection("unmeasured", f"its {NAMES[self.metric][0]} is missing: {estimate.reason}")

    def decision(self, device_model: str, refused: tuple[CandidateVerdict, ...]) -> Decision:
        winner, nearest = self.winner, None if self.winner else self._nearest()
        cost = winner.metrics["quality_loss"] if winner else Estimate(None, basis="items", reason="there is no winner")
        return Decision(
            study_id=self.study.study_id,
            model=self.study.model,
            device=self.study.device,
            device_model=device_model,
            objective=self.metric,
            constraints=self.constraints.limits(),
            verdict=self._verdict(),
            candidates=(*(self._judged(e) for e in self.evidence), *refused),
            winner=winner.key if winner else None,
            baseline=self.baseline.key if self.baseline else None,
            gain=self._gain(),
            quality_cost=cost,
            sentence=self._sentence(cost, nearest),
            nearest=nearest,
        )

    def _verdict(self) -> str:
        if self.winner is None:
            return "infeasible"
        return "no-difference" if self.winner is self.baseline else "winner"

    def _gain(self) -> Estimate:
        if self.winner is None:
            return Estimate(None, reason="there is no winner")
        if self.baseline is None:
            return Estimate(None, reason="the study has no fp32 default")
        if self.winner is self.baseline:
            runs = len(self.winner.values.get(self.metric, ()))
            return Estimate(1.0, 1.0, 1.0, runs, reason="the default itself wins")
        found = self._ratio(self.baseline, self.winner)
        return Estimate(found.value, found.low, found.high, found.n, "runs", found.reason)

    def _ratio(self, above: Evidence, below: Evidence, metric: str | None = None) -> Interval:
        return ratio(above, below, metric or self.metric, self.policy.confidence)

    def _judged(self, evidence: Evidence) -> CandidateVerdict:
        rejected = self.rejections[evidence.key]
        if rejected is not None:
            return self._verdict_of(evidence, "rejected", rejected.reason, rejected.gate)
        if evidence is self.winner:
            return self._verdict_of(evidence, "winner", self._winning_reason())
        if not evidence.raced or self.winner is None:
            return self._verdict_of(evidence, "dominated", self._screened_reason(evidence), "screening")
        dominator = self.dominators[evidence.key]
        reason = self._losing_reason(evidence, self.winner)
        if dominator is None:
            better = better_in(evidence, self.winner, self.spans, self.policy)
            strengths = ", ".join(NAMES[m][0] for m in better)
            return self._verdict_of(evidence, "front", f"{reason}; better in {strengths}" if better else reason)
        if dominator != self.winner.key:
            reason += f"; dominated by {self._label(dominator)}"
        return self._verdict_of(evidence, "dominated", reason)

    def _verdict_of(self, evidence: Evidence, status: str, reason: str, gate: str | None = None) -> CandidateVerdict:
        return CandidateVerdict(evidence.candidate, status, reason, evidence.metrics, gate)

    def _label(self, key: str) -> str:
        return next(e.candidate.label for e in self.evidence if e.key == key)

    def _winning_reason(self) -> str:
        assert self.winner is not None
        name = NAMES[self.metric][0]
        if self.winner is self.baseline:
            return "the default, and nothing beats it beyond the noise"
        if self.baseline is None:
            return f"lowest {name} of those that meet the constraints"
        against = times(self._ratio(self.baseline, self.winner), self.metric, "it")
        rejected = self.rejections[self.baseline.key]
        if rejected is not None:
            return f"lowest {name} of those that pass; the fp32 default does not ({rejected.gate}), and is {against}"
        return f"lowest {name}, beyond the noise: the fp32 default is {against}"

    def _losing_reason(self, evidence: Evidence, winner: Evidence) -> str:
        found = self._ratio(evidence, winner)
        text = times(found, self.metric, "the winner")
        if found.value is not None and found.value < 1.0:
            return f"{text}: not beyond the noise"
        if tied(found, self.policy.indifference):
            return f"a tie that goes to the simpler: {text}"
        return text

    def _screened_reason(self, evidence: Evidence) -> str:
        if self.winner is None:
            return "passed the gates but was not raced in paced sessions"
        found = stand_in(self.objective, (evidence, self.winner), self.policy)
        if found is None:
            return "not raced: no screening session"
        metric, (mine, winners) = found
        against = times(self._ratio(mine, winners, metric), metric, "the winner")
        flat_out = ", flat out" if metric.startswith("service") else ""
        unscored = "" if evidence.quality and evidence.quality.difference else "; so its quality was not asked for"
        return f"not raced: {against}{flat_out}{unscored}"

    def _nearest(self) -> Nearest | None:
        """The candidate whose worst shortfall is least, among those that only limits keep from winning."""
        limits = {*METRIC_OF, "quality"}
        missed = [
            (short[0], e)
            for e in self.evidence
            if (rejected := self.rejections[e.key]) is not None
            and rejected.gate in limits
            and (short := shortfalls(e, self.constraints, not e.raced))
        ]
        if not missed:
            return None
        worst, evidence = min(missed, key=lambda m: (m[0].excess, m[0].reached or 0.0, not m[1].raced))
        return Nearest(worst.constraint, worst.limit, evidence.key, worst.reached)

    def _sentence(self, cost: Estimate, nearest: Nearest | None) -> str:
        device = self.study.device
        if self.winner is None:
            labels = {e.key: e.candidate.label for e in self.evidence}
            return infeasible_sentence(self.study.model, device, nearest, labels, self.rejections.values())
        if self.winner is not self.baseline:
            return winner_sentence(self.winner, device, self.metric, self._gain(), cost)
        return default_sentence(self.winner, device, self.metric, self._closest())

    def _closest(self) -> str | None:
        others = [e for e in self.eligible if e is not self.winner]
        if not others or self.winner is None:
            return None
        best = min(others, key=lambda e: objective_value(e, self.metric))
        return f"the closest, {best.candidate.label}, is {times(self._ratio(best, self.winner), self.metric, 'it')}"
