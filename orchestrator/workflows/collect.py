"""Sessions of a controller that is gone, from the device into this ledger: what is finished is never lost."""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from agents.kept import KeptSession
from orchestrator.domain.artifact import GRAPH, Artifact, Part
from orchestrator.domain.session import Session
from orchestrator.errors import EarshotError, SessionFailed
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.deploy.clean import forget
from orchestrator.measure.deploy.kept import kept_sessions, spec_of
from orchestrator.measure.deploy.run import run_session
from orchestrator.workflows.artifact_files import blob_named
from orchestrator.workflows.origin import Origin, read_origin

COLLECTED, KNOWN, RUNNING, NOT_OURS = "collected", "known", "running", "not ours"


@dataclass(frozen=True)
class Collected:
    """What became of a session: ``collected`` now, ``known`` to the ledger before, still ``running``, or ``not ours``:
    it cannot be put into a ledger, for the ``reason``.
    """

    session_id: str
    what: str
    outcome: str | None = None
    reason: str | None = None


def collect(agent: DeployedAgent, results: Path, session_ids: Sequence[str] = ()) -> list[Collected]:
    """Puts the sessions that ended on the device (or those named) into the ledger of ``results``, and deletes there
    what ended well. Raises EarshotError for an id that is not there.
    """
    kept = {session.session_id: session for session in kept_sessions(agent)}
    missing = [name for name in session_ids if name not in kept]
    if missing:
        raise EarshotError(
            f"there is no session {missing[0]} on {agent.name}",
            hint=f"earshot devices sessions {agent.name} shows those that are there",
        )
    results.mkdir(parents=True, exist_ok=True)
    with Ledger.open(results / "ledger.db") as ledger:
        done = [_collect(agent, ledger, results, kept[name]) for name in session_ids or kept]
    put_away = [c.session_id for c in done if c.what in (COLLECTED, KNOWN) and c.outcome == "ok"]
    if put_away:
        forget(agent, put_away)
    return done


def _collect(agent: DeployedAgent, ledger: Ledger, results: Path, kept: KeptSession) -> Collected:
    known = ledger.session(kept.session_id, with_arrays=False)
    if known is not None:
        return Collected(kept.session_id, KNOWN, known.result.outcome, known.result.reason)
    if kept.state == "running":
        return Collected(kept.session_id, RUNNING)
    try:
        origin = read_origin(kept.origin or {})
        session = _session(agent, origin, kept)
    except (ValueError, SessionFailed) as exc:
        reason = "nobody noted for which study it ran" if kept.origin is None else str(exc)
        return Collected(kept.session_id, NOT_OURS, None, reason)
    if ledger.study(origin.study.study_id) is None:
        ledger.begin_study(replace(origin.study, status="running"))
    if ledger.artifact(origin.artifact.sha256) is None:
        ledger.record_artifact(_artifact(agent, results, origin.artifact))
    ledger.record_session(session)
    return Collected(kept.session_id, COLLECTED, session.result.outcome, session.result.reason)


def _session(agent: DeployedAgent, origin: Origin, kept: KeptSession) -> Session:
    """Attaching to it also closes the journal of one that was lost."""
    times_ns: list[int] = []
    with tempfile.TemporaryDirectory(prefix="earshot-") as scratch:
        result, arrays = run_session(
            agent,
            spec_of(agent, kept.session_id),
            on_event=lambda event: times_ns.append(event.t_ns),
            arrays_dir=Path(scratch),
        )
    started_utc = datetime.fromtimestamp(kept.started_utc_s, UTC).isoformat(timespec="seconds")
    # Over a restart the device's clock begins anew.
    duration_s = max(0.0, (times_ns[-1] - times_ns[0]) / 1e9) if times_ns else 0.0
    return Session(origin.planned, origin.environment, started_utc, duration_s, result, arrays)


def _artifact(agent: DeployedAgent, results: Path, artifact: Artifact) -> Artifact:
    """With its bytes, fetched from the device. Raises SessionFailed where they were altered there."""
    fetched = {name: replace(part, path=_fetched(agent, results, part)) for name, part in artifact.files.items()}
    return replace(artifact, path=fetched[GRAPH].path, parts=fetched if artifact.parts else {})


def _fetched(agent: DeployedAgent, results: Path, part: Part) -> Path:
    blob = blob_named(part)
    path = results / "artifacts" / "collected" / blob.file_name
    path.parent.mkdir(parents=True, exist_ok=True)
    agent.transport.pull(f"{agent.root}/blobs/{blob.file_name}", path)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != part.sha256:
        path.unlink()
        raise SessionFailed(
            f"{blob.file_name} on {agent.name} is not what its name says: sha256 {found[:16]}...", failure="internal"
        )
    return path
