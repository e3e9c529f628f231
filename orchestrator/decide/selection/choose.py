"""From sessions to a decision: the winner with its reasons, and the reason of every other candidate."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.decide.selection.compare import ratio, tied
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.elsewhere import Elsewhere
from orchestrator.decide.selection.evidence import Evidence, baseline_of, gather
from orchestrator.decide.selection.gates import Rejection, Rules, rejection
from orchestrator.decide.selection.objective import Objective
from orchestrator.decide.selection.pareto import better_in, dominators, known_to_all, spans
from orchestrator.decide.selection.policy import Policy
from orchestrator.decide.selection.profile import with_score
from orchestrator.decide.selection.ranking import choose_winner, objective_value, simpler_in
from orchestrator.decide.selection.screening import stand_in
from orchestrator.decide.selection.sentence import default_sentence, nearest_sentence, nobody_sentence, winner_sentence
from orchestrator.decide.selection.tally import nearest_of, relaxed, tally
from orchestrator.decide.selection.words import NAMES, times
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.decision import (
    MORE_IS_BETTER,
    SCORE,
    CandidateVerdict,
    ColdAndHot,
    Decision,
    Estimate,
)
from orchestrator.domain.heat import Heat
from orchestrator.domain.score import Score
from orchestrator.domain.session import Session
from orchestrator.domain.study import Study
from orchestrator.statistics.interval import Interval

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
    heat: Heat | str | None = None,
) -> Decision:
    """One study's decision. ``refusals`` are candidates that never ran (export or parity), each with its reason;
    ``elsewhere`` the figures that took sessions outside of the study, ``heat`` who is fastest cold and hot, or why that
    is not known; it is told beside the winner and does not make it.

    A candidate that failed, fell back, throttled, lost too much quality, was not raced or lacks a figure that is asked
    for never wins. Sessions that verified an earlier decision are left out.
    """
    evidence = _with_objective(gather(sessions, artifacts, scores, policy, elsewhere), objective, policy)
    court = _Court(study, evidence, baseline_of(evidence), objective, constraints, policy)
    refused = tuple(CandidateVerdict(c, "rejected", reason, gate="export") for c, reason in refusals)
    return court.decision(_device_model(study, sessions), refused, cold_and_hot(heat))


def cold_and_hot(heat: Heat | str | None) -> ColdAndHot | None:
    if heat is None or isinstance(heat, str):
        return None if heat is None else ColdAndHot(None, None, f"not known: {heat}")
    cold, hot = (phase.fastest if phase.wins else None for phase in (heat.cold, heat.hot))
    return ColdAndHot(cold, hot, f"{heat.sentence} (intervals over {heat.basis})")


def _with_objective(evidence: list[Evidence], objective: Objective, policy: Policy) -> list[Evidence]:
    """A profile is one more figure of each candidate, in units of the fp32 default."""
    if objective.metric != SCORE:
        return evidence
    baseline = baseline_of(evidence)
    of_default = with_score(baseline, objective.weights, policy.confidence).value(SCORE) if baseline else None
    return [with_score(e, objective.weights, policy.confidence, of_default) for e in evidence]


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
        rivals = sum(e.raced for e in self.evidence if e is not self.baseline)
        self.rules = Rules(self.constraints, self.policy, self.baseline, rivals)
        self.rejections = {e.key: rejection(e, self.rules) or self._unmeasured(e) for e in self.evidence}
        self.eligible = [e for e in self.evidence if self.rejections[e.key] is None and e.raced]
        self.choice = choose_winner(self.eligible, self.baseline, self.metric, self.policy)
        self.winner = self.choice.winner if self.choice else None
        self.nearest = None
        if self.winner is None:
            self.nearest = nearest_of(self.evidence, self.rejections, self.rules, self.metric)
        self.dominators = dominators(self.eligible, self.winner, self.spans, self.policy)

    def _unmeasured(self, evidence: Evidence) -> Rejection | None:
        estimate = evidence.metrics[self.metric]
        if estimate.value is not None or not evidence.raced:
            return None
        return Rejection("unmeasured", f"its {NAMES[self.metric][0]} is missing: {estimate.reason}")

    def decision(
        self, device_model: str, refused: tuple[CandidateVerdict, ...], cold_hot: ColdAndHot | None
    ) -> Decision:
        winner, nearest = self.winner, self.nearest[0] if self.nearest else None
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
            sentence=self._sentence(cost),
            nearest=nearest,
            weights=dict(self.objective.weights) if self.metric == SCORE else {},
            goals=tuple(bound.told() for bound in self.rules.bounds if bound.goal is not None),
            spans=known_to_all(self.spans, self.eligible) if self.eligible else (),
            gates=tally(self.evidence, self.rejections, refused, self.rules, self.metric),
            relax=relaxed(self.nearest[1], self.rules) if self.nearest else (),
            cold_and_hot=cold_hot,
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
        assert self.choice is not None
        name = NAMES[self.metric][0]
        if self.winner is self.baseline:
            return "the default, and nothing beats it beyond the noise"
        most = f"{'most' if self.metric in MORE_IS_BETTER else 'lowest'} {name}"
        if self.choice.best is not self.winner:
            best = self.choice.best
            tie = times(self._ratio(self.winner, best), self.metric, best.candidate.label)
            most = f"{most} but for a tie that goes to the simpler ({simpler_in(self.winner, best)}; {tie})"
        if self.baseline is None:
            return f"{most} of those that meet the constraints"
        against = times(self._ratio(self.baseline, self.winner), self.metric, "it")
        rejected = self.rejections[self.baseline.key]
        if rejected is not None:
            return f"{most} of those that pass; the fp32 default does not ({rejected.gate}), and is {against}"
        return f"{most}, beyond the noise: the fp32 default is {against}"

    def _losing_reason(self, evidence: Evidence, winner: Evidence) -> str:
        found = self._ratio(evidence, winner)
        text = times(found, self.metric, "the winner")
        if found.value is not None and found.value < 1.0:
            return f"{text}: not beyond the noise"
        if tied(found, self.policy.indifference):
            return f"a tie that goes to the simpler ({simpler_in(winner, evidence)}): {text}"
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

    def _sentence(self, cost: Estimate) -> str:
        device = self.study.device
        if self.winner is None and self.nearest is not None:
            return nearest_sentence(self.study.model, device, *self.nearest, relaxed(self.nearest[1], self.rules))
        if self.winner is None:
            return nobody_sentence(self.study.model, device, self.rejections.values())
        if self.winner is not self.baseline:
            return winner_sentence(self.winner, device, self.metric, self._gain(), cost)
        return default_sentence(self.winner, device, self.metric, self._closest())

    def _closest(self) -> str | None:
        others = [e for e in self.eligible if e is not self.winner]
        if not others or self.winner is None:
            return None
        best = min(others, key=lambda e: objective_value(e, self.metric))
        return f"the closest, {best.candidate.label}, is {times(self._ratio(best, self.winner), self.metric, 'it')}"
