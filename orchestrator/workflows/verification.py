"""The winner once more, from the source: re-exported, pushed, measured in fresh sessions beside the default."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from orchestrator.decide.selection.verify import verify
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.decision import Decision, Verification
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
from orchestrator.workflows.units import Units

# Fresh sessions of the winner, each beside one of the default, on every unit.
VERIFY_PAIRS = 3
# Blocks of one verification after another's; more than it has pairs, so that each has sessions of its own.
_STRIDE = 10


@dataclass
class Verifier:
    """Verifies as often as it is asked to, each time in new sessions. A recipe is exported anew once, into a folder of
    its own, so that no cached artifact is taken; it is kept only where its bytes differ from the measured ones.
    """

    prepared: Prepared
    units: Units
    paced_s: float
    artifacts_dir: Path
    count: int = 0
    _fresh: dict[str, Artifact] = field(default_factory=dict)

    def verify(self, decision: Decision) -> Verification:
        """Of the decision's winner, on every unit at hand. Raises ExportFailed."""
        assert decision.winner is not None
        assert decision.baseline is not None
        runner = self.units.first
        steps = 3 + 2 * VERIFY_PAIRS * self.units.count
        runner.progress.stage("verifying", steps=steps, expected_s=2 * VERIFY_PAIRS * (self.paced_s + 1.0))
        winner = decision.of(decision.winner).candidate
        original = runner.artifacts[winner.artifact_sha256]
        fresh = self._exported(decision, winner.recipe, original)
        again = replace(winner, artifact_sha256=fresh.sha256)
        first = VERIFY_BLOCK + self.count * _STRIDE
        self.count += 1
        pairing = _pairing(again, decision.of(decision.baseline).candidate, decision.winner == decision.baseline)
        done = self.units.each(lambda unit: self._sessions(unit, pairing, first))
        equal = fresh.sha256 == original.sha256
        return together({name: verify(decision, found, fresh, byte_equal=equal) for name, found in done.items()})

    def _exported(self, decision: Decision, recipe: Recipe, original: Artifact) -> Artifact:
        if original.sha256 not in self._fresh:
            self.units.first.progress.step(f"re-exporting {recipe}")
            folder = self.artifacts_dir / f"re-export-{decision.study_id}"
            found = _exported_anew(self.prepared, recipe, folder)
            if found.sha256 == original.sha256:
                shutil.rmtree(folder)
                found = original
            self.units.first.ledger.record_artifact(found)
            self._fresh[original.sha256] = found
        return self._fresh[original.sha256]

    def _sessions(self, runner: SessionRunner, pairing: Sequence[Candidate], first: int) -> list[Session]:
        fresh = self._fresh_of(pairing[0])
        push_blobs(runner.agent, files_of(fresh))
        runner.artifacts[fresh.sha256] = fresh
        sessions: list[Session] = []
        for pair in range(VERIFY_PAIRS):
            order = pairing if pair % 2 == 0 else pairing[::-1]
            plans = [
                runner.plan(c, "paced", seconds=self.paced_s, block=first + pair, position=i)
                for i, c in enumerate(order)
            ]
            sessions += runner.run_all(plans)
        if self.prepared.needed_evaluation().utterances_of("track"):
            for candidate in pairing:
                score_candidate(runner, self.prepared, candidate, "track", VERIFY_BLOCK)
        name = runner.environment.device
        idle = runner.ledger.sessions(runner.study.study_id, mode=IDLE)
        return sessions + [session for session in idle if session.environment.device == name]

    def _fresh_of(self, candidate: Candidate) -> Artifact:
        return next(a for a in self._fresh.values() if a.sha256 == candidate.artifact_sha256)


def _pairing(winner: Candidate, baseline: Candidate, same: bool) -> list[Candidate]:
    return [winner] if same else [winner, baseline]


def together(found: dict[str, Verification]) -> Verification:
    """One for all units: it passes where each of them does, else it is the first that does not."""
    worst = next((one for one in found.values() if not one.passed), next(iter(found.values())))
    if len(found) == 1:
        return worst
    said = "; ".join(f"{name}: {'' if one.passed else 'NOT '}verified, {one.reason}" for name, one in found.items())
    return replace(worst, session_ids=tuple(i for one in found.values() for i in one.session_ids), reason=said)


def _exported_anew(prepared: Prepared, recipe: Recipe, folder: Path) -> Artifact:
    """By a process of its own, as the first time: what a runtime prints is not for the user's terminal."""
    (outcome,) = export_all(prepared.source, [recipe], folder, calibration_of(prepared))
    if isinstance(outcome, ExportRefusal):
        raise ExportFailed(f"{recipe} cannot be exported again: {outcome.reason}", hint=outcome.hint)
    return outcome
