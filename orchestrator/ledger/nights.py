"""The nights of plans: one record a plan and night, the newest state of it."""

import statistics
from collections.abc import Sequence

from sqlalchemy import delete, func, insert, select

from agents.strict_json import to_json
from orchestrator.domain.night import NightRecord
from orchestrator.domain.study import Study
from orchestrator.ledger import rows
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.tables import NightRow, SessionRow, StudyRow

# (device, model, recipe, threads, mode, seconds of audio as asked for) -> seconds that such a session takes. An
# evaluation's audio is its set: 0.
Durations = dict[tuple[str, str, str, int, str, float], float]
# Newest sessions that an expectation is made from.
_NEWEST = 100_000


def record_night(ledger: Ledger, night: NightRecord) -> None:
    """In place of what the ledger had of this plan and night."""
    columns = ("plan", "at", "started_utc", "finished_utc")
    values = {name: getattr(night, name) for name in columns}
    with ledger.transaction() as connection:
        connection.execute(delete(NightRow).where(NightRow.plan == night.plan, NightRow.at == night.at))
        connection.execute(insert(NightRow).values(**values, record=to_json(night)))


def nights(ledger: Ledger, plan: str | None = None) -> list[NightRecord]:
    """Of one plan or of all, oldest first."""
    wanted = select(NightRow.__table__).order_by(NightRow.at, NightRow.started_utc, NightRow.plan)
    if plan is not None:
        wanted = wanted.where(NightRow.plan == plan)
    return [rows.load(NightRecord, row.record, f"night {row.at} of {row.plan}") for row in ledger.fetch(wanted)]


def last_success(ledger: Ledger, plan: str) -> NightRecord | None:
    """The newest complete night; None where there was none yet."""
    complete = [night for night in nights(ledger, plan) if night.complete]
    return complete[-1] if complete else None


def durations(ledger: Ledger) -> Durations:
    """Medians of what the newest sessions took, by what was asked for; of studies that say how much audio."""
    columns = (SessionRow.device, SessionRow.model, SessionRow.recipe, SessionRow.threads, SessionRow.mode)
    wanted = (
        select(*columns, SessionRow.duration_s, StudyRow.study_id)
        .join(StudyRow, StudyRow.study_id == SessionRow.study_id)
        .where(SessionRow.outcome == "ok")
        .order_by(SessionRow.started_utc.desc())
        .limit(_NEWEST)
    )
    seconds = {study.study_id: study.settings.get("seconds") for study in ledger.studies()}
    found: dict[tuple[str, str, str, int, str, float], list[float]] = {}
    for row in ledger.fetch(wanted):
        asked_s = 0.0 if row.mode == "evaluate" else seconds.get(row.study_id)
        if isinstance(asked_s, int | float):
            key = (row.device, row.model, row.recipe, row.threads, row.mode, float(asked_s))
            found.setdefault(key, []).append(row.duration_s)
    return {key: statistics.median(took) for key, took in found.items()}


def study_of_night(ledger: Ledger, settings_sha256: str) -> Study | None:
    """The newest study that asks this very question and was not abandoned: running, or finished."""
    asked = (StudyRow.settings_sha256 == settings_sha256, StudyRow.status != "abandoned")
    newest = select(StudyRow.__table__).where(*asked).order_by(StudyRow.started_utc.desc()).limit(1)
    found = ledger.fetch(newest)
    return rows.study_of(found[0]) if found else None


def studies_of_night(ledger: Ledger, workflow: str, plan: str, at: str) -> dict[str, list[str]]:
    """Ids by mode of the sessions that they ask for, of all devices."""
    settings = StudyRow.settings
    asked = {"workflow": workflow, "plan": plan, "night": at}
    same = (settings[name].as_string() == value for name, value in asked.items())
    found: dict[str, list[str]] = {}
    for row in ledger.fetch(select(StudyRow.study_id, settings["mode"].as_string().label("mode")).where(*same)):
        found.setdefault(row.mode, []).append(row.study_id)
    return found


def spent_s(ledger: Ledger, study_ids: Sequence[str]) -> float:
    """Device time of all sessions of these studies."""
    spent = select(func.sum(SessionRow.duration_s)).where(SessionRow.study_id.in_(study_ids))
    return float(ledger.fetch(spent)[0][0] or 0.0)


def counted(ledger: Ledger, study_ids: Sequence[str], mode: str) -> tuple[int, int]:
    """Sessions of the plan that ended well, and those that did not in any attempt."""
    wanted = (SessionRow.study_id.in_(study_ids), SessionRow.mode == mode)
    columns = (SessionRow.study_id, SessionRow.candidate_key, SessionRow.block, SessionRow.outcome)
    outcomes: dict[tuple[str, str, int], set[str]] = {}
    for row in ledger.fetch(select(*columns).where(*wanted)):
        outcomes.setdefault((row.study_id, row.candidate_key, row.block), set()).add(row.outcome)
    good = sum("ok" in found for found in outcomes.values())
    return good, len(outcomes) - good
