"""From every candidate to the decision: placement, screening, quality, then paced blocks of the finalists."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.decide.selection.choose import decide, finalists
from orchestrator.decide.selection.policy import Policy
from orchestrator.decide.selection.screening import misplaced
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.cluster import named
from orchestrator.domain.decision import Decision
from orchestrator.domain.session import IDLE, Environment
from orchestrator.errors import DeviceNotReady
from orchestrator.make.export.outcome import ExportRefusal
from orchestrator.measure.deploy.push import push_blobs
from orchestrator.measure.farm.budget import Budget
from orchestrator.measure.farm.interleave import block_order
from orchestrator.workflows.artifact_files import files_of
from orchestrator.workflows.candidates import allowed_chunk, candidates_for, unfit
from orchestrator.workflows.idle import AFTER, BEFORE, IDLE_S, measure_idle, measures_power
from orchestrator.workflows.option_axis import with_options
from orchestrator.workflows.prepare import Exported, Prepared
from orchestrator.workflows.quality import score_candidate
from orchestrator.workflows.session_runner import SessionRunner
from orchestrator.workflows.settings import TuneSettings
from orchestrator.workflows.verification import VERIFY_PAIRS

# What a session costs beside its audio, until the first ones of this study say better.
_SESSION_OVERHEAD_S = 1.0

# What an evaluation is expected to take, as a share of its audio.
_EVALUATION_RTF = 0.025


@dataclass
class Race:
    """One study's race. Each step asks the ledger first, so that an interrupted race goes on where it was."""

    settings: TuneSettings
    prepared: Prepared
    exported: Exported
    runner: SessionRunner

    def run(self) -> Decision:
        candidates = self._candidates()
        self._idle(candidates[0], BEFORE)
        candidates = self._place(candidates)
        self._screen(candidates)
        self._race(self._finalists(candidates))
        self._idle(candidates[0], AFTER)
        return self.decide()

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
            self.runner.artifacts[artifact.sha256] = artifact
        push_blobs(self.runner.agent, [file for a in new for file in files_of(a)])
        self.exported = Exported((*self.exported.artifacts, *new), (*self.exported.refusals, *refusals))

    def _candidates(self) -> list[Candidate]:
        """Artifacts x the device's environments x what is offered there x options."""
        found = self._offered(self.runner.environment)
        for name, place in self.runner.places.items():
            try:
                found += [replace(c, environment=name) for c in self._offered(place.environment)]
            except DeviceNotReady as exc:
                self.runner.progress.note(f"the environment {name} is left out: {exc.message}")
        self._tell_unfit({c.artifact_sha256 for c in found})
        return with_options(found, self.settings.options)

    def _tell_unfit(self, fit: set[str]) -> None:
        """Artifacts that no environment of the device can run are refused like those that could not be made."""
        probe, chunk = self.runner.environment.probe, self._chunk_samples
        for artifact in self.exported.artifacts:
            reason = unfit(artifact, probe, chunk or artifact.contract.chunk_samples)
            if artifact.sha256 not in fit and reason is not None:
                self.runner.ledger.record_refusal(self.runner.study.study_id, artifact.recipe, reason)

    @property
    def _chunk_samples(self) -> int | None:
        return allowed_chunk(self.prepared.source.contract, self.settings.chunk_ms)

    def _offered(self, environment: Environment) -> list[Candidate]:
        return candidates_for(
            self.exported.artifacts,
            environment.probe,
            threads=self.settings.threads,
            chunk_samples=self._chunk_samples,
            clusters=named(environment.probe, environment.device, self.settings.clusters),
        )

    def decide(self) -> Decision:
        return decide(**self._evidence())

    def _evidence(self) -> dict[str, Any]:
        """What the study knows by now, and what was asked of it: the arguments of every decision."""
        ledger, study = self.runner.ledger, self.runner.study
        return {
            "study": study,
            "sessions": ledger.sessions(study.study_id),
            "artifacts": self.exported.artifacts,
            "scores": ledger.scores(study.study_id),
            "objective": self.settings.objective,
            "constraints": self.settings.constraints,
            "policy": Policy(allow_suspect=self.settings.allow_suspect),
        }

    def _idle(self, like: Candidate, when: int) -> None:
        if measures_power(self.runner):
            self.runner.progress.stage("idle power", steps=1, expected_s=IDLE_S + _SESSION_OVERHEAD_S)
            measure_idle(self.runner, like, when)

    def _place(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Those that can still win: no time is spent on others."""
        expected_s = len(candidates) * _SESSION_OVERHEAD_S
        self.runner.progress.stage("placement", steps=len(candidates), expected_s=expected_s)
        self.runner.run_all(self.runner.plan(c, "placement") for c in candidates)
        out = misplaced(**self._evidence())
        return [c for c in candidates if c.key not in out]

    def _screen(self, candidates: Sequence[Candidate]) -> None:
        blocks, seconds = self.settings.screening_blocks, self.settings.flat_out_s
        steps = blocks * len(candidates)
        self.runner.progress.stage("screening, flat out", steps=steps, expected_s=steps * _SESSION_OVERHEAD_S)
        for block in range(blocks):
            order = block_order(candidates, block, self.settings.seed)
            self.runner.run_all(
                self.runner.plan(c, "flat-out", seconds=seconds, block=block, position=i) for i, c in enumerate(order)
            )

    def _finalists(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """The default and the best of the screening that hold their quality.

        Quality is asked for down the ranking until enough have passed: an evaluation costs more than a screening, and
        what is too slow to be raced needs none.
        """
        evaluation_s = self.prepared.needed_evaluation().duration_s("test") * _EVALUATION_RTF
        steps = 1 + self.settings.finalists
        self.runner.progress.stage("quality", steps=steps, expected_s=steps * (evaluation_s + _SESSION_OVERHEAD_S))
        scored: set[str] = set()
        while True:
            leading = finalists(**self._evidence(), count=self.settings.finalists)
            racers = [c for c in candidates if c.key in leading]
            unscored = [c for c in racers if c.key not in scored]
            if not unscored:
                return racers
            for candidate in unscored:
                score_candidate(self.runner, self.prepared, candidate, "test", block=0)
                scored.add(candidate.key)

    def _race(self, racers: Sequence[Candidate]) -> None:
        block_s = len(racers) * (self.settings.paced_s + _SESSION_OVERHEAD_S)
        spent_s = self._spent_s(modes=("placement", "evaluate", "flat-out", IDLE))
        # Verification runs pairs of fresh sessions, and the continuous track for both, where there is one.
        track_s = self.prepared.needed_evaluation().duration_s("track") * _EVALUATION_RTF
        reserved_s = 2 * VERIFY_PAIRS * (self.settings.paced_s + _SESSION_OVERHEAD_S) + 2 * (
            track_s + _SESSION_OVERHEAD_S
        )
        if measures_power(self.runner):
            reserved_s += IDLE_S + _SESSION_OVERHEAD_S
        blocks = Budget(self.settings.budget_s).blocks(spent_s=spent_s, reserved_s=reserved_s, block_s=block_s)
        self.runner.progress.stage("race, paced", steps=blocks * len(racers), expected_s=blocks * block_s)
        for block in range(blocks):
            order = block_order(racers, block, self.settings.seed)
            self.runner.run_all(
                self.runner.plan(c, "paced", seconds=self.settings.paced_s, block=block, position=i)
                for i, c in enumerate(order)
            )

    def _spent_s(self, modes: Sequence[str]) -> float:
        sessions = self.runner.ledger.sessions(self.runner.study.study_id, with_arrays=False)
        return sum(s.duration_s for s in sessions if s.planned.mode in modes)
