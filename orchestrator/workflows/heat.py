"""Cold winner and hot winner of a model on a device, from all sustained sessions that the ledger has of them."""

from dataclasses import replace
from pathlib import Path

from orchestrator.decide.comparison.surroundings import unlike
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.decision import Decision
from orchestrator.domain.heat import LEAST_S, Heat, heat
from orchestrator.domain.session import Session
from orchestrator.ledger.ledger import Ledger


def heat_of(ledger: Ledger, model: str, device: str) -> Heat | str:
    """Or why it cannot be said. Sessions count that were measured as the newest of them was."""
    alike, left_out = sustained_sessions(ledger, model, device)
    if not alike:
        return f"no session of {LEAST_S / 60:g} minutes or more: earshot run {model} --mode sustained --recipe ..."
    found = heat(alike, ledger.artifacts(model)[0].contract.sample_rate_hz)
    if not left_out:
        return found
    note = f"{left_out} older ones were not measured alike"
    return f"{found}; {note}" if isinstance(found, str) else replace(found, basis=f"{found.basis}; {note}")


def sustained_sessions(ledger: Ledger, model: str, device: str) -> tuple[list[Session], int]:
    """Those that were measured as the newest of them was, and how many others there are."""
    artifacts = {artifact.sha256: artifact for artifact in ledger.artifacts(model)}
    sessions = _sustained(ledger, model, device, artifacts)
    if not sessions:
        return [], 0
    newest = max(sessions, key=lambda session: session.started_utc)
    alike = [session for session in sessions if not unlike([newest], [session], at_once=True)]
    return alike, len(sessions) - len(alike)


def heat_for(ledger_path: Path, decision: Decision) -> Heat | str:
    with Ledger.open(ledger_path, create=False) as ledger:
        return heat_of(ledger, decision.model, decision.device)


def _sustained(ledger: Ledger, model: str, device: str, artifacts: dict[str, Artifact]) -> list[Session]:
    """Arrays are read of the long ones only."""
    found = []
    for study in ledger.studies():
        if (study.model, study.device) == (model, device):
            for session in ledger.sessions(study.study_id, mode="paced", with_arrays=False):
                planned = session.planned
                artifact = artifacts.get(planned.candidate.artifact_sha256)
                if session.ok and artifact and _length_s(session, artifact) >= LEAST_S:
                    whole = ledger.session(planned.session_id)
                    found += [whole] if whole else []
    return found


def _length_s(session: Session, artifact: Artifact) -> float:
    return session.planned.chunk_count * artifact.contract.chunk_s(session.planned.candidate.chunk_samples)
