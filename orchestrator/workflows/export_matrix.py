"""``earshot ledger export-matrix``: the timed sessions of a ledger as the matrix that ``earshot simulate`` replays."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from orchestrator.decide.replay.matrix import COLUMNS
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.evidence import Evidence, gather, throttled, timed_runs
from orchestrator.decide.selection.figures import OF_RUN, of_run
from orchestrator.decide.selection.gates import Rules, placement
from orchestrator.decide.selection.policy import Policy
from orchestrator.domain.session import VERIFY_BLOCK, Session
from orchestrator.errors import BadInput
from orchestrator.ledger.ledger import Ledger

MODES = ("flat-out", "paced")


def matrix_csv(results: Path, study_id: str | None, mode: str) -> str:
    """CSV of every session of that mode, a row each; of every study of ``earshot tune``, or of one.

    Raises LedgerError without a ledger, BadInput for an unknown study or one without such a session.
    """
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        studies = [s.study_id for s in ledger.studies() if s.settings.get("workflow") == "tune"]
        if study_id is not None and study_id not in studies:
            raise BadInput(f"no study of earshot tune {study_id!r} in {ledger.place}", hint=f"there are {studies[-5:]}")
        rows = [row for known in studies if study_id in (None, known) for row in _study_rows(ledger, known, mode)]
    if not rows:
        raise BadInput(f"the ledger holds no {mode} session of earshot tune", hint="earshot tune kws makes some")
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    runs: dict[tuple[object, object], int] = {}
    for row in rows:
        key = (row["device"], row["candidate"])
        runs[key] = runs.get(key, -1) + 1
        writer.writerow({**row, "run": runs[key]})
    return file.getvalue()


def _study_rows(ledger: Ledger, study_id: str, mode: str) -> Iterator[dict[str, object]]:
    study = ledger.study(study_id)
    assert study is not None
    sessions = [s for s in ledger.sessions(study_id) if s.planned.block < VERIFY_BLOCK]
    for evidence in gather(sessions, ledger.artifacts(study.model), ledger.scores(study_id), Policy()):
        known = {m: evidence.value(m) for m in ("size_mb", "quality_loss")}
        known = {metric: value for metric, value in known.items() if value is not None}
        own = [s for s in sessions if s.planned.candidate.key == evidence.key and s.planned.mode == mode]
        for session in own:
            yield {
                "device": session.planned.device,
                "candidate": f"{study.model} {evidence.candidate.label}",
                "outcome": _outcome(session, evidence),
                "duration_s": round(session.duration_s, 3),
                **_figures(session, evidence),
                **known,
            }


def _outcome(session: Session, evidence: Evidence) -> str:
    if not session.ok:
        return "failed"
    if placement(evidence, Rules(Constraints(), Policy(), None)) is not None:
        return "fallback"
    return "throttled" if throttled(session) else "ok"


def _figures(session: Session, evidence: Evidence) -> dict[str, float]:
    if not session.ok:
        return {}
    if session.kept is not None:
        return {metric: value for metric, value in session.kept.figures.items() if metric in OF_RUN}
    runs, _ = timed_runs([session], evidence.artifact)
    return of_run(runs[0]) if runs else {}
