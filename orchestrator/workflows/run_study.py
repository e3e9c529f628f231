"""The study of a command that measures one thing: begun, or gone on with where the same command was interrupted."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar
from uuid import uuid4

from orchestrator.domain.study import Study
from orchestrator.errors import EarshotError, LeaseLost, SessionFailed, Unreachable
from orchestrator.ledger.ledger import Ledger
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.run_settings import RunSettings
from orchestrator.workflows.session_runner import SessionRunner

# A session that was interrupted is collected by the same command within this; a later one wants a new measurement.
_COLLECT_WITHIN_S = 3600.0
T = TypeVar("T")


def study_of(settings: RunSettings, model: str) -> Study:
    """A new one. ``model``: the name that its artifacts have, where the settings may say a path."""
    now = datetime.now(UTC)
    return Study(
        study_id=f"{now:%Y%m%d-%H%M%S}-{uuid4().hex[:4]}",
        model=model,
        device=settings.device,
        started_utc=now.isoformat(timespec="seconds"),
        settings=settings.question(),
    )


def begin_or_go_on(ledger: Ledger, study: Study, progress: Progress) -> Study:
    """This new study, or the same command's that was interrupted a short while ago."""
    interrupted = ledger.unfinished_study(study.settings_sha256)
    if interrupted is not None:
        age_s = (datetime.now(UTC) - datetime.fromisoformat(interrupted.started_utc)).total_seconds()
        if 0 <= age_s <= _COLLECT_WITHIN_S:
            progress.note(f"going on with what was started at {interrupted.started_utc} on {study.device}")
            return interrupted
        ledger.finish_study(interrupted.study_id, "abandoned")
    ledger.begin_study(study)
    return study


def finished(runner: SessionRunner, measured: Callable[[], T]) -> T:
    """What was measured, with the study finished; left open where the same command goes on with it."""
    ledger, study_id = runner.ledger, runner.study.study_id
    try:
        found = measured()
    except EarshotError as exc:
        # It may go on there, or have to make room for somebody: the same command collects it, or runs it then.
        if not isinstance(exc, Unreachable | LeaseLost | SessionFailed):
            ledger.finish_study(study_id, "abandoned")
        raise
    ledger.finish_study(study_id, "finished")
    runner.forget_recorded()
    return found
