"""The inner loop of ``earshot tune``: what is fast and hears too badly is mended, what hears well is made faster, and
both go back into the race."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from orchestrator.decide.rounds.choose import plan
from orchestrator.decide.rounds.ideas import Idea, ideas_for, learned_ideas
from orchestrator.decide.rounds.outcome import measured, why_ended
from orchestrator.decide.rounds.seed import Seed, next_seed, seed_to_learn
from orchestrator.decide.rounds.standing import Standing, best_of, standings
from orchestrator.decide.selection.evidence import gather
from orchestrator.decide.selection.gates import QUALITY
from orchestrator.decide.selection.policy import Policy
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.decision import Decision
from orchestrator.domain.recipe import Recipe
from orchestrator.domain.rounds import Heard, Round, Rounds, Sensitivity
from orchestrator.errors import EarshotError
from orchestrator.ledger.rounds import record_rounds, rounds_of
from orchestrator.make.export.calibration import CalibrationStream
from orchestrator.make.export.outcome import ExportRefusal
from orchestrator.workflows.learn_weights import learn_weights, why_not_learned
from orchestrator.workflows.prepare import calibration_of
from orchestrator.workflows.race import Race

# What a variant's export and its hearing take on the controller, for the progress bar alone.
_VARIANT_S = 3.0
# Where no limit of quality is asked for, what fails parity is mended to this.
_USUAL_LOSS = 0.01
_ZONE = Policy().indifference
_NO_IDEA = (
    "no further idea: nothing that quality alone keeps from winning is faster, and nothing that wins can be bolder"
)


def run_rounds(race: Race, decision: Decision, most: int) -> Decision:
    """``decision`` after at most ``most`` rounds, whose artifacts the race has then. Each round is in the ledger as
    soon as it is planned and once more when it was measured: what is there is not done again.

    Raises what a race does; what cannot be analyzed or exported is a round's finding.
    """
    return _Loop(race, most).run(decision)


@dataclass
class _Loop:
    race: Race
    most: int
    found: Rounds = field(init=False)
    jobs: int = field(default_factory=lambda: os.cpu_count() or 1)

    def __post_init__(self) -> None:
        study_id = self.race.runner.study.study_id
        self.found = rounds_of(self.race.runner.ledger, study_id) or Rounds(study_id)

    def run(self, decision: Decision) -> Decision:
        decision = self._resumed(decision)
        while self.found.ended is None:
            ended = why_ended(self.found.rounds, self.most, _ZONE) or self._spent()
            if ended is None:
                seed = self._seed(decision)
                if seed is not None:
                    decision = self._round(seed, decision)
                    continue
                seed = self._to_learn(decision)
                ended = _NO_IDEA if seed is None else self._why_not_learned()
                if seed is not None and ended is None:
                    decision, ended = self._learning_round(seed, decision)
            if ended is not None:
                self._record(replace(self.found, ended=ended))
        if self.found.rounds:
            self.race.runner.progress.note(f"re-export ended: {self.found.ended}")
        return decision

    def _resumed(self, decision: Decision) -> Decision:
        """What earlier rounds made goes into the race again: the store has it, and the ledger its sessions."""
        for known in self.found.rounds:
            if known.trials:
                before = decision
                self._admit(known)
                decision = self.race.run()
                if known.verdict is None:
                    self._conclude(known, before, decision)
        return decision

    def _seed(self, decision: Decision) -> Seed | None:
        every = self._standings(decision)
        used = {(r.aim, r.seed) for r in self.found.rounds}
        return next_seed(every, best_of(every, decision), used, _ZONE)

    def _to_learn(self, decision: Decision) -> Seed | None:
        every = self._standings(decision)
        return seed_to_learn(every, best_of(every, decision), self.found.rounds, _ZONE)

    def _why_not_learned(self) -> str | None:
        reason = why_not_learned(self.race.prepared.source, self.race.settings.qat_steps)
        return None if reason is None else f"{_NO_IDEA}; weights that learn to be rounded were not tried: {reason}"

    def _learning_round(self, seed: Seed, decision: Decision) -> tuple[Decision, str | None]:
        """And why there is no further one, where nothing could be learned."""
        settings = self.race.settings
        try:
            weights = learn_weights(
                self.race.prepared, settings.models_dir, settings.qat_steps, settings.seed, self.race.runner.progress
            )
        except EarshotError as exc:
            return decision, f"{_NO_IDEA}; weights that learn to be rounded could not be made: {exc.message}"
        before = (r.sensitivity for r in self.found.rounds if r.seed == str(seed.recipe))
        blamed = next(before, Sensitivity(str(seed.recipe), reason="its layers were not looked at"))
        return self._tried(seed, blamed, learned_ideas(seed, weights), decision), None

    def _round(self, seed: Seed, decision: Decision) -> Decision:
        number = len(self.found.rounds) + 1
        progress = self.race.runner.progress
        progress.stage(f"round {number}: layers of {seed.recipe}", steps=1)
        sensitivity = self._sensitivity(seed)
        progress.step(str(seed.recipe))
        known = {str(s.recipe) for s in self._standings(decision)} | self.found.tried
        return self._tried(seed, sensitivity, ideas_for(seed, sensitivity, known), decision)

    def _tried(self, seed: Seed, sensitivity: Sensitivity, ideas: Sequence[Idea], decision: Decision) -> Decision:
        """A round of these: heard here, the best of them raced on the device."""
        number, progress = len(self.found.rounds) + 1, self.race.runner.progress
        every = self._standings(decision)
        heard, count, of = self._heard(number, ideas)
        best = best_of(every, decision)
        chosen = plan(seed, sensitivity, heard, self._limit, _speed(best), _ZONE)
        planned = Round(
            number, str(seed.recipe), seed.aim, chosen.hypothesis, chosen.trials, sensitivity, heard, count, of
        )
        self._record(self.found.with_round(planned))
        progress.note(f"round {number}: {chosen.hypothesis}")
        if not chosen.trials:
            self._conclude(planned, decision, decision)
            return decision
        self._admit(planned)
        after = self.race.run()
        self._conclude(planned, decision, after)
        return after

    def _sensitivity(self, seed: Seed) -> Sensitivity:
        # What reads graphs takes 0.2 s to import.
        from orchestrator.make.quality.sensitivity import sensitivity_of

        source, artifacts = self.race.prepared.source, self.race.settings.artifacts_dir
        return sensitivity_of(source, seed.recipe, artifacts, self._calibration)

    def _heard(self, number: int, ideas: Sequence[Idea]) -> tuple[tuple[Heard, ...], int, int]:
        """And on how many utterances of how many."""
        from orchestrator.make.quality.sensitivity import SPLIT, Variant, hear, part_of

        whole = self.race.prepared.needed_evaluation()
        part = part_of(whole)
        counts = len(part.utterances), len(whole.utterances_of(SPLIT))
        if not ideas:
            return (), *counts
        progress = self.race.runner.progress
        name = f"round {number}: {len(ideas)} variants on the controller"
        progress.stage(name, steps=len(ideas), expected_s=_VARIANT_S * len(ideas))
        variants = [Variant(i.words, i.recipe, i.float_share) for i in ideas]
        source = self.race.prepared.source
        known = {a.sha256: str(a.recipe) for a in self.race.exported.artifacts}
        heard = hear(source, variants, self._calibration, part, known=known, jobs=self.jobs, on_step=progress.step)
        return heard, *counts

    def _admit(self, planned: Round) -> None:
        from orchestrator.make.export.parallel import export_all

        recipes = [Recipe.parse(t.recipe) for t in planned.trials]
        source, folder = self.race.prepared.source, self.race.settings.artifacts_dir
        outcomes = export_all(source, recipes, folder, self._calibration, self.jobs)
        artifacts = [o for o in outcomes if isinstance(o, Artifact)]
        self.race.admit(artifacts, [o for o in outcomes if isinstance(o, ExportRefusal)])

    def _conclude(self, planned: Round, before: Decision, after: Decision) -> None:
        every = self._standings(after)
        # The one that was best before, with what is known of it now: both have run in the same blocks since.
        former = next((s for s in every if s.verdict and s.verdict.candidate.key == before.winner), None)
        done = measured(planned, former, every, best_of(every, after), after.objective)
        self._record(self.found.with_round(done))
        self.race.runner.progress.note(f"round {done.number}: {done.verdict}")

    def _standings(self, decision: Decision) -> list[Standing]:
        asked = self.race.evidence()
        evidence = gather(asked["sessions"], asked["artifacts"], asked["scores"], asked["policy"], asked["elsewhere"])
        refusals = [(r.recipe, r.reason, r.unequal) for r in self.race.exported.refusals]
        return standings(decision, evidence, refusals)

    def _record(self, found: Rounds) -> None:
        self.found = found
        record_rounds(self.race.runner.ledger, found)

    def _spent(self) -> str | None:
        """Of the study's sessions: the time of the controller does not count."""
        runner, budget_s = self.race.runner, self.race.settings.budget_s
        spent_s = sum(s.duration_s for s in runner.ledger.sessions(runner.study.study_id, with_arrays=False))
        return f"the budget of {budget_s / 60:g} min of device time is spent" if spent_s >= budget_s else None

    @property
    def _calibration(self) -> CalibrationStream | None:
        return calibration_of(self.race.prepared)

    @property
    def _limit(self) -> float:
        return self.race.settings.constraints.limits().get(QUALITY, _USUAL_LOSS)


def _speed(best: Standing | None) -> float:
    """fp32 default / the best by now; 0 where nothing wins yet, so that anything gains."""
    if best is None:
        return 0.0
    return best.speed.value or 1.0
