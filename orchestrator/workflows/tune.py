"""``earshot tune``: export -> push -> stream -> measure -> select -> re-export -> verify, resumable at any point."""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from orchestrator.decide.selection.bundle import write_bundle
from orchestrator.decide.selection.choose import decide, finalists
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.decision import Decision
from orchestrator.domain.session import Session
from orchestrator.domain.study import Study
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.farm.budget import Budget
from orchestrator.measure.farm.interleave import block_order
from orchestrator.measure.lab.inventory import find_device, load_lab
from orchestrator.tell.report.page import write_report
from orchestrator.workflows.again import report_content
from orchestrator.workflows.candidates import allowed_chunk, candidates_for
from orchestrator.workflows.prepare import (
    Exported,
    Prepared,
    deploy_agent,
    export_candidates,
    prepare_model,
    push_material,
)
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.quality import score_candidate
from orchestrator.workflows.session_runner import SessionRunner
from orchestrator.workflows.settings import TuneSettings, results_folder
from orchestrator.workflows.verification import verify_winner

# What a session costs beside its audio, until the first ones of this study say better.
_SESSION_OVERHEAD_S = 1.5

# What an evaluation is expected to take, as a share of its audio.
_EVALUATION_RTF = 0.025


@dataclass(frozen=True)
class TuneOutcome:
    """``resumed``: sessions of an interrupted study of the same question were used and not measured again."""

    decision: Decision
    study: Study
    report: Path
    ledger: Path
    bundle: Path | None
    resumed: bool


def tune(settings: TuneSettings, progress: Progress) -> TuneOutcome:
    """Raises EarshotError; what was measured until then stays in the ledger and the same call goes on from there."""
    lab = load_lab(settings.lab)
    device = find_device(lab, settings.device)
    progress.stage(f"reading {settings.model} and its evaluation set", steps=1)
    prepared = prepare_model(settings.model, settings.models_dir)
    prepared.needed_evaluation()
    # Before minutes are spent on exports.
    allowed_chunk(prepared.source.contract, settings.chunk_ms)
    results_folder(settings.results)
    with Ledger.open(settings.ledger_path) as ledger, tempfile.TemporaryDirectory(prefix="earshot-") as scratch:
        study, resumed = _begin(ledger, settings, progress)
        exported = export_candidates(
            prepared, settings.recipes, settings.artifacts_dir, jobs=os.cpu_count() or 1, progress=progress
        )
        for artifact in exported.artifacts:
            ledger.record_artifact(artifact)
        for refusal in exported.refusals:
            ledger.record_refusal(study.study_id, refusal.recipe, refusal.reason)
        agent, environment = deploy_agent(device, progress)
        try:
            material = push_material(agent, prepared, exported.artifacts, Path(scratch), progress)
            runner = SessionRunner(
                ledger,
                study,
                agent,
                environment,
                material,
                {a.sha256: a for a in exported.artifacts},
                progress,
                settings.seed,
            )
            race = Race(settings, prepared, exported, runner)
            decision = race.run()
            if decision.winner is not None:
                decision = verify_winner(
                    decision, prepared, runner, paced_s=settings.paced_s, artifacts_dir=settings.artifacts_dir
                )
        finally:
            agent.transport.close()
        ledger.record_decision(decision)
        ledger.finish_study(study.study_id, "finished")
        outcome = conclude(ledger, study, settings.results)
        return replace(outcome, resumed=resumed)


def _begin(ledger: Ledger, settings: TuneSettings, progress: Progress) -> tuple[Study, bool]:
    now = datetime.now(UTC)
    study = Study(
        study_id=f"{now:%Y%m%d-%H%M%S}-{uuid4().hex[:4]}",
        model=settings.model,
        device=settings.device,
        started_utc=now.isoformat(timespec="seconds"),
        settings=settings.question(),
    )
    unfinished = ledger.unfinished_study(study.settings_sha256)
    if unfinished is not None and not settings.fresh:
        count = len(ledger.finished_ids(unfinished.study_id))
        progress.note(f"going on with study {unfinished.study_id}: {count} sessions are in the ledger already")
        return unfinished, True
    if unfinished is not None:
        ledger.finish_study(unfinished.study_id, "abandoned")
    ledger.begin_study(study)
    return study, False


def conclude(ledger: Ledger, study: Study, results: Path) -> TuneOutcome:
    """Report and bundle from what the ledger holds."""
    content = report_content(ledger, study)
    report = results / "report.html"
    write_report(report, content)
    decision = content.decision
    bundle = None
    if decision.winner is not None:
        bundle = write_bundle(results / "bundles", decision, content.artifacts, content.sessions)
    return TuneOutcome(decision, study, report, results / "ledger.db", bundle, resumed=False)


@dataclass
class Race:
    """From every candidate to the decision: gates in order of cost, screening, then paced blocks of the finalists."""

    settings: TuneSettings
    prepared: Prepared
    exported: Exported
    runner: SessionRunner

    def run(self) -> Decision:
        candidates = candidates_for(
            self.exported.artifacts,
            self.runner.environment.probe,
            threads=self.settings.threads,
            chunk_samples=allowed_chunk(self.prepared.source.contract, self.settings.chunk_ms),
        )
        self._place(candidates)
        self._screen(candidates)
        self._race(self._finalists(candidates))
        return self.decide()

    def decide(self) -> Decision:
        ledger, study = self.runner.ledger, self.runner.study
        return decide(
            study,
            ledger.sessions(study.study_id),
            list(self.exported.artifacts),
            ledger.scores(study.study_id),
            objective=self.settings.objective,
            constraints=self.settings.constraints,
        )

    def _place(self, candidates: Sequence[Candidate]) -> None:
        expected_s = len(candidates) * _SESSION_OVERHEAD_S
        self.runner.progress.stage("placement", steps=len(candidates), expected_s=expected_s)
        self.runner.run_all(self.runner.plan(c, "placement") for c in candidates)

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
            racers = [c for c in candidates if c.key in self._leading()]
            unscored = [c for c in racers if c.key not in scored]
            if not unscored:
                return racers
            for candidate in unscored:
                score_candidate(self.runner, self.prepared, candidate, "test", block=0)
                scored.add(candidate.key)

    def _leading(self) -> list[str]:
        ledger, study = self.runner.ledger, self.runner.study
        return finalists(
            study,
            ledger.sessions(study.study_id),
            list(self.exported.artifacts),
            ledger.scores(study.study_id),
            objective=self.settings.objective,
            constraints=self.settings.constraints,
            count=self.settings.finalists,
        )

    def _race(self, racers: Sequence[Candidate]) -> None:
        block_s = len(racers) * (self.settings.paced_s + _SESSION_OVERHEAD_S)
        spent_s = self._spent_s(modes=("placement", "evaluate", "flat-out"))
        # Verification runs two pairs of fresh sessions, and the continuous track for both, where there is one.
        track_s = self.prepared.needed_evaluation().duration_s("track") * _EVALUATION_RTF
        reserved_s = 4 * (self.settings.paced_s + _SESSION_OVERHEAD_S) + 2 * (track_s + _SESSION_OVERHEAD_S)
        blocks = Budget(self.settings.budget_s).blocks(spent_s=spent_s, reserved_s=reserved_s, block_s=block_s)
        self.runner.progress.stage("race, paced", steps=blocks * len(racers), expected_s=blocks * block_s)
        for block in range(blocks):
            order = block_order(racers, block, self.settings.seed)
            self.runner.run_all(
                self.runner.plan(c, "paced", seconds=self.settings.paced_s, block=block, position=i)
                for i, c in enumerate(order)
            )

    def _spent_s(self, modes: Sequence[str]) -> float:
        sessions: list[Session] = self.runner.ledger.sessions(self.runner.study.study_id, with_arrays=False)
        return sum(s.duration_s for s in sessions if s.planned.mode in modes)
