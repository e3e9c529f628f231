"""The winner once more, from the source: re-exported, pushed, measured in fresh sessions beside the default."""

import shutil
from dataclasses import replace
from pathlib import Path

from orchestrator.decide.selection.verify import verify
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.decision import Decision
from orchestrator.domain.recipe import Recipe
from orchestrator.domain.session import IDLE, VERIFY_BLOCK, Session
from orchestrator.errors import ExportFailed
from orchestrator.make.export.outcome import ExportRefusal
from orchestrator.make.export.parallel import export_all
from orchestrator.measure.deploy.push import push_blobs
from orchestrator.workflows.artifact_files import files_of
from orchestrator.workflows.prepare import Prepared, calibration_of
from orchestrator.workflows.quality import score_candidate
from orchestrator.workflows.session_runner import SessionRunner

# Fresh sessions of the winner, each beside one of the default.
VERIFY_PAIRS = 3


def verify_winner(
    decision: Decision, prepared: Prepared, runner: SessionRunner, *, paced_s: float, artifacts_dir: Path
) -> Decision:
    """``decision`` with its ``verification``. The re-export goes to a folder of its own, so that no cached artifact is
    taken; it is kept only where its bytes differ from the measured ones.
    """
    assert decision.winner is not None
    assert decision.baseline is not None
    winner = decision.of(decision.winner).candidate
    original = runner.artifacts[winner.artifact_sha256]
    runner.progress.stage("verifying", steps=3 + 2 * VERIFY_PAIRS, expected_s=2 * VERIFY_PAIRS * (paced_s + 1.0))
    runner.progress.step(f"re-exporting {winner.recipe}")
    folder = artifacts_dir / f"re-export-{decision.study_id}"
    fresh = _exported_anew(prepared, winner.recipe, folder)
    if fresh.sha256 == original.sha256:
        shutil.rmtree(folder)
        fresh = original
    runner.ledger.record_artifact(fresh)
    push_blobs(runner.agent, files_of(fresh))
    runner.artifacts[fresh.sha256] = fresh
    again = replace(winner, artifact_sha256=fresh.sha256)
    baseline = decision.of(decision.baseline).candidate
    sessions: list[Session] = []
    for pair in range(VERIFY_PAIRS):
        pairing = [again] if winner == baseline else [again, baseline] if pair % 2 == 0 else [baseline, again]
        plans = [
            runner.plan(c, "paced", seconds=paced_s, block=VERIFY_BLOCK + pair, position=i)
            for i, c in enumerate(pairing)
        ]
        sessions += runner.run_all(plans)
    if prepared.needed_evaluation().utterances_of("track"):
        for candidate in {c.key: c for c in (again, baseline)}.values():
            score_candidate(runner, prepared, candidate, "track", VERIFY_BLOCK)
    sessions += runner.ledger.sessions(runner.study.study_id, mode=IDLE)
    verification = verify(decision, sessions, fresh, byte_equal=fresh.sha256 == original.sha256)
    return replace(decision, verification=verification)


def _exported_anew(prepared: Prepared, recipe: Recipe, folder: Path) -> Artifact:
    """By a process of its own, as the first time: what a runtime prints is not for the user's terminal."""
    (outcome,) = export_all(prepared.source, [recipe], folder, calibration_of(prepared))
    if isinstance(outcome, ExportRefusal):
        raise ExportFailed(f"{recipe} cannot be exported again: {outcome.reason}", hint=outcome.hint)
    return outcome
