"""From every candidate to the decision: gates in order of cost, a race flat out, then one in the field's own pace."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.elsewhere import Elsewhere
from orchestrator.decide.selection.policy import Policy
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.candidate import Candidate, default_of
from orchestrator.domain.decision import CandidateVerdict, Decision
from orchestrator.domain.energy import NO_IDLE, idle_or_reason
from orchestrator.domain.session import IDLE, Session
from orchestrator.make.export.outcome import ExportRefusal
from orchestrator.measure.deploy.push import push_blobs
from orchestrator.workflows.artifact_files import files_of
from orchestrator.workflows.device_runs import DeviceRuns
from orchestrator.workflows.elsewhere import measured_elsewhere, needs
from orchestrator.workflows.gatekeeper import Gatekeeper
from orchestrator.workflows.heat import heat_of
from orchestrator.workflows.idle import AFTER, BEFORE, IDLE_S, measure_idle, measures_power
from orchestrator.workflows.paced_race import PacedRace
from orchestrator.workflows.prepare import Exported, Prepared
from orchestrator.workflows.run_figures import Reading
from orchestrator.workflows.screening_race import ScreeningRace
from orchestrator.workflows.search_space import Pruned, search_space, unfit_artifacts
from orchestrator.workflows.session_runner import SessionRunner
from orchestrator.workflows.set_aside import decide_without, verdict_of
from orchestrator.workflows.settings import TuneSettings
from orchestrator.workflows.units import Units
from orchestrator.workflows.verification import VERIFY_PAIRS

# What a session costs beside its audio, until the first ones of this study say better.
_SESSION_OVERHEAD_S = 1.0

# What an evaluation is expected to take, as a share of its audio.
_EVALUATION_RTF = 0.025


@dataclass
class Race:
    """One study's race. Each step asks the ledger first, so that an interrupted race goes on where it was.

    ``others``: further units of the same device model. ``first``: keys of candidates to look at before all others.
    ``pruned``: what was not tried, and why, once ``run`` has begun.
    """

    settings: TuneSettings
    prepared: Prepared
    exported: Exported
    runner: SessionRunner
    others: tuple[SessionRunner, ...] = ()
    first: tuple[str, ...] = ()
    pruned: tuple[Pruned, ...] = ()
    _aside: dict[str, CandidateVerdict] = field(default_factory=dict, init=False)
    _idle_s: float = field(default=0.0, init=False)
    _screening: ScreeningRace | None = field(default=None, init=False)
    _paced: PacedRace | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.units = Units((self.runner, *self.others))

    def run(self) -> Decision:
        """The decision; called again after ``admit`` it races what is new against what is there."""
        candidates = self._candidates()
        default = default_of(candidates)
        like = default or candidates[0]
        self._idle(like, BEFORE)
        finalists = self._screen(candidates, default)
        self._race(finalists, default)
        self._idle(like, AFTER)
        return self.decide()

    def more(self, rivals: Sequence[Candidate], decision: Decision) -> Decision:
        """More paced blocks of these beside the default: a verification spoke against what the race had found."""
        default = decision.of(decision.baseline).candidate if decision.baseline else None
        self._race([c for c in rivals if c != default], default)
        return self.decide()

    def set_aside(self, candidate: Candidate, reason: str) -> None:
        """It wins no decision of this race from here on."""
        self._aside[candidate.key] = verdict_of(candidate, reason)

    def admit(self, artifacts: Sequence[Artifact], refusals: Sequence[ExportRefusal] = ()) -> None:
        """New artifacts, from which the next ``run`` makes candidates that race those which are there. They are
        recorded and pushed; one that the race has already changes nothing. ``refusals`` are recorded beside them.
        """
        for refusal in refusals:
            self.runner.ledger.record_refusal(self.runner.study.study_id, refusal.recipe, refusal.reason)
        known = {a.sha256 for a in self.exported.artifacts}
        new = [a for a in artifacts if a.sha256 not in known]
        for artifact in new:
            self.runner.ledger.record_artifact(artifact)
        files = [file for a in new for file in files_of(a)]
        for runner in self.units.runners:
            runner.artifacts.update({a.sha256: a for a in new})
            push_blobs(runner.agent, files)
        self.exported = Exported((*self.exported.artifacts, *new), (*self.exported.refusals, *refusals))

    def decide(self, *, sustained: bool = False) -> Decision:
        """``sustained``: by sessions that last, too; before they are measured no limit on them holds."""
        study, asked = self.runner.study, self.evidence()
        if self.settings.sustained_minutes > 0 and not sustained:
            asked["constraints"] = _without_heat(asked["constraints"])
        return decide_without(self._aside, **asked, heat=heat_of(self.runner.ledger, study.model, study.device))

    def evidence(self, sessions: Sequence[Session] | None = None) -> dict[str, Any]:
        """What the study knows by now, or by these sessions alone, and what was asked of it: the arguments of every
        decision.
        """
        ledger, study = self.runner.ledger, self.runner.study
        return {
            "study": study,
            "sessions": ledger.sessions(study.study_id) if sessions is None else list(sessions),
            "artifacts": self.exported.artifacts,
            "scores": ledger.scores(study.study_id) if sessions is None else [],
            "objective": self.settings.objective,
            "constraints": self.settings.constraints,
            "policy": self._policy,
            "elsewhere": self._elsewhere(),
        }

    def _elsewhere(self) -> Elsewhere:
        """Read where it is asked for: it is in other studies."""
        if not needs(self.settings.objective, self.settings.constraints) and self.settings.sustained_minutes == 0:
            return {}
        return measured_elsewhere(self.runner.ledger, self.runner.study.model, self.runner.study.device)

    def _candidates(self) -> list[Candidate]:
        space = search_space(self.settings, self.exported, self.runner.environment, self.runner.places)
        self.pruned = space.pruned
        fit = {c.artifact_sha256 for c in space.candidates}
        probe, recipes = self.runner.environment.probe, {str(a.recipe): a.recipe for a in self.exported.artifacts}
        for unfit in unfit_artifacts(self.settings, self.exported.artifacts, probe, fit):
            # Refused like those that could not be made.
            self.runner.ledger.record_refusal(self.runner.study.study_id, recipes[unfit.what], unfit.reason)
        return list(space.candidates)

    @property
    def _policy(self) -> Policy:
        return Policy(allow_suspect=self.settings.allow_suspect)

    def _idle(self, like: Candidate, when: int) -> None:
        if measures_power(self.runner):
            self._idle_s += self.units.count * (IDLE_S + _SESSION_OVERHEAD_S)
            self.runner.progress.stage("idle power", steps=1, expected_s=IDLE_S + _SESSION_OVERHEAD_S)
            self.units.each(lambda runner: measure_idle(runner, like, when))

    def _reading(self, mode: str) -> Reading:
        sessions = self.runner.ledger.sessions(self.runner.study.study_id, mode=IDLE)
        idle = idle_or_reason(sessions, self.prepared.source.contract.sample_rate_hz)
        objective, constraints = self.settings.objective, self.settings.constraints
        return Reading(mode, objective, constraints, self._policy, idle if measures_power(self.runner) else NO_IDLE)

    def _screen(self, candidates: Sequence[Candidate], default: Candidate | None) -> list[Candidate]:
        steps = 2 * len(candidates)
        name = "placement, screening flat out, quality"
        self.runner.progress.stage(name, steps=steps, expected_s=steps * _SESSION_OVERHEAD_S)
        if self._screening is None:
            gates = Gatekeeper(self.prepared, self.evidence, default)
            # The first blocks are the first looks, one on each unit.
            runs = DeviceRuns(
                self.units, self._reading("flat-out"), self.settings.flat_out_s, self.units.count, gates.before
            )
            self._screening = ScreeningRace(self.settings, runs, gates, self.first)
        return self._screening.finalists(candidates, default)

    def _race(self, racers: Sequence[Candidate], default: Candidate | None) -> None:
        left_s = self.settings.budget_s - self._spent_s() - self._reserved_s()
        expected_s = (len(racers) + 1) * (self.settings.paced_s + _SESSION_OVERHEAD_S)
        steps = (len(racers) + 1) * max(3, int(left_s / expected_s))
        self.runner.progress.stage("race, paced", steps=steps, expected_s=max(left_s, 3 * expected_s))
        if self._paced is None:
            runs = DeviceRuns(self.units, self._reading("paced"), self.settings.paced_s, 0)
            self._paced = PacedRace(self.settings, runs, self.decide)
        self._paced.run(racers, default, left_s)

    def _reserved_s(self) -> float:
        """Verification runs pairs of fresh sessions, and the continuous track for both, where there is one."""
        track_s = self.prepared.needed_evaluation().duration_s("track") * _EVALUATION_RTF
        pairs_s = 2 * VERIFY_PAIRS * (self.settings.paced_s + _SESSION_OVERHEAD_S)
        idle_s = IDLE_S + _SESSION_OVERHEAD_S if measures_power(self.runner) else 0.0
        return self.units.count * (pairs_s + 2 * (track_s + _SESSION_OVERHEAD_S) + idle_s)

    def _spent_s(self) -> float:
        """Of what this race has gone through so far, whether it was measured now or is in the ledger: an interrupted
        race that goes on has the same left at each step.
        """
        screening, paced = self._screening, self._paced
        screened_s = screening.runs.spent_s + screening.gates.spent_s if screening else 0.0
        return self._idle_s + screened_s + (paced.runs.spent_s if paced else 0.0)


def _without_heat(constraints: Constraints) -> Constraints:
    goals = tuple(goal for goal in constraints.goals if goal.metric != "sustained_ratio")
    return replace(constraints, max_sustained=None, goals=goals)
