"""The ledger's sessions with the verdict on each, from their raw times."""

import pandas as pd

from orchestrator.domain.run_course import run_course
from orchestrator.domain.session_verdict import judge
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.queries import Where, sessions_frame


def verdicts_frame(ledger: Ledger, where: Where | None = None) -> pd.DataFrame:
    """``sessions_frame`` with the columns ``verdict`` (valid, suspect, invalid), ``doubts`` (reasons, or empty), and of
    timed sessions ``warm_up`` (its class), ``left_out``, ``lag1`` and ``independent`` chunks (``RunCourse``).

    Reads every array of these sessions. Times of a session whose artifact the ledger has lost are not judged.
    """
    frame = sessions_frame(ledger, where or Where())
    verdicts, courses = {}, {}
    for study_id, model in set(zip(frame.study_id.tolist(), frame.model.tolist(), strict=True)):
        rates = {a.sha256: a.contract.sample_rate_hz for a in ledger.artifacts(model)}
        for session in ledger.sessions(study_id):
            rate = rates.get(session.planned.candidate.artifact_sha256)
            verdicts[session.session_id] = judge(session, rate)
            courses[session.session_id] = None if rate is None else run_course(session, rate)
    frame["verdict"] = [verdicts[name].kind for name in frame.session_id]
    frame["doubts"] = ["; ".join(verdicts[name].reasons) for name in frame.session_id]
    for column in ("warm_up", "left_out", "lag1", "independent"):
        frame[column] = [getattr(courses[name], column, None) for name in frame.session_id]
    return frame
