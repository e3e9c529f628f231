"""One candidate's quality on one split, measured on the device and scored here."""

from orchestrator.domain.candidate import Candidate
from orchestrator.domain.score import Score
from orchestrator.domain.session import Session
from orchestrator.make.quality.scoring import score
from orchestrator.workflows.prepare import Prepared
from orchestrator.workflows.session_runner import SessionRunner


def score_candidate(runner: SessionRunner, prepared: Prepared, candidate: Candidate, split: str, block: int) -> Session:
    """The session, whose score is recorded. One that failed has none, and its candidate cannot win then."""
    (session,) = runner.run_all([runner.plan(candidate, "evaluate", block=block)], split)
    if not session.ok:
        return session
    contract = runner.artifacts[candidate.artifact_sha256].contract
    evaluation = prepared.needed_evaluation()
    found = score(session.session_id, candidate.key, contract, evaluation, split, session.result.decoded)
    if isinstance(found, Score):
        runner.ledger.record_score(found)
    return session
