"""Cascades that ran, from the ledger: nothing is measured."""

from pathlib import Path
from typing import Any

from orchestrator.domain.cascade import CASCADE
from orchestrator.domain.session import Session
from orchestrator.domain.study import Study
from orchestrator.errors import BadInput
from orchestrator.ledger.ledger import Ledger
from orchestrator.workflows.cascade import WORKFLOW, RanCascade


def cascades_of(results: Path, study_id: str | None) -> list[RanCascade]:
    """Every cascade of a study; ``study_id`` None: of the newest one. Raises LedgerError without a ledger, BadInput."""
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        studies = [study for study in ledger.studies() if study.settings.get("workflow") == WORKFLOW]
        known = ", ".join(study.study_id for study in studies[-5:]) or "none yet: earshot cascade run FILE"
        wanted = [study for study in studies if study_id in (None, study.study_id)]
        if not wanted:
            raise BadInput(
                f"no cascade {study_id or ''} in {ledger.place}".replace("  ", " "), hint=f"there are {known}"
            )
        found: dict[str, list[Session]] = {}
        for session in ledger.sessions(wanted[-1].study_id, mode=CASCADE):
            if session.ok and session.planned.cascade is not None:
                found.setdefault(session.planned.cascade.key, []).append(session)
        if not found:
            raise BadInput(f"study {wanted[-1].study_id} has no session that ended well", hint=f"there are {known}")
        ran = [_ran(ledger, sessions) for sessions in found.values()]
        # In the order in which they were asked for, not in that of the first block.
        names = [file["name"] for file in _files(wanted[-1])]
        return sorted(ran, key=lambda each: names.index(each.cascade.name))


def _files(study: Study) -> list[dict[str, Any]]:
    files = study.settings["files"]
    assert isinstance(files, list)
    return files


def _ran(ledger: Ledger, sessions: list[Session]) -> RanCascade:
    cascade = sessions[-1].planned.cascade
    assert cascade is not None
    text = ledger.artifact(cascade.stages[1].candidate.artifact_sha256)
    if text is None:
        raise BadInput(f"the artifact of stage {cascade.stages[1].name} is not in {ledger.place}", hint="run it again")
    # Of a session that was suspect and ran again, the later one.
    last = {session.planned.block: session for session in sessions}
    return RanCascade(cascade, text.contract, tuple(last.values()))
