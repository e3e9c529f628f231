"""How the farm's ledger takes a row of a site's: whose record stays, by what it is.

Sites have devices of their own, and so studies of their own: what is in the way of a row is another's, and stays.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, insert, inspect, select, update

from orchestrator.errors import LedgerError
from orchestrator.ledger import database
from orchestrator.ledger.rows import Values
from orchestrator.ledger.site_rows import SiteRow
from orchestrator.ledger.tables import (
    ArrayRow,
    ArtifactRow,
    CalibrationRow,
    DecisionRow,
    DriftRow,
    EnvironmentRow,
    HealthEventRow,
    HealthRow,
    NativeRow,
    NightRow,
    OnOffRow,
    PowerCalibrationRow,
    RefusalRow,
    RoundsRow,
    ScoreRow,
    SearchStepRow,
    SessionRow,
    StreamsHeldRow,
    StudyRow,
    Table,
)


class NotTaken(LedgerError):
    """The farm's ledger has another's record in this place."""


def receive(write: Connection, row: SiteRow, own_studies: set[str]) -> bool:
    """Whether it is new there, or newer. ``own_studies``: known to be the site's; grows.

    Raises NotTaken for what belongs to a study that is not the same there.
    """
    if row.study is not None and row.study["study_id"] not in own_studies:
        _require_same(write, row.study, own_studies)
    return _TAKE[row.kind](write, row)


def _require_same(write: Connection, study: Values, own_studies: set[str]) -> None:
    there = _known(write, StudyRow, study, "settings_sha256", "device", "model")
    if there is None:
        return
    differ = [name for name, value in there.items() if value != study[name]]
    if differ:
        raise NotTaken(
            f"study {study['study_id']} is in the farm's ledger with other {', '.join(differ)}",
            hint="two sites gave one id to two questions: it stays at this site; earshot ledger show tells both",
        )
    own_studies.add(study["study_id"])


def _study(write: Connection, row: SiteRow) -> bool:
    """Its status only goes on: nobody at the farm makes a study of a site run again."""
    values = row.values
    if database.insert_absent(write, StudyRow, values):
        return True
    _require_same(write, values, set())
    if values["status"] == "running":
        return False
    behind = (StudyRow.study_id == values["study_id"], StudyRow.status == "running")
    return bool(write.execute(update(StudyRow).where(*behind).values(status=values["status"])).rowcount)


def _session(write: Connection, row: SiteRow) -> bool:
    if row.environment is not None:
        database.insert_absent(write, EnvironmentRow, row.environment)
    if not database.insert_absent(write, SessionRow, row.values):
        return False
    if row.arrays:
        write.execute(insert(ArrayRow), list(row.arrays))
    return True


def _score(write: Connection, row: SiteRow) -> bool:
    """Not of a session that another recorded first: that one has scores of its own."""
    names = ("started_utc", "environment_sha256")
    there = _known(write, SessionRow, row.values, *names)
    if there is not None and row.session is not None and any(there[name] != row.session[name] for name in names):
        return False
    return _newest(write, row)


def _night(write: Connection, row: SiteRow) -> bool:
    """Not in place of another's of the same name."""
    there = _known(write, NightRow, row.values, "started_utc")
    if there is not None and there["started_utc"] != row.values["started_utc"]:
        return False
    return _newest(write, row)


def _first(write: Connection, row: SiteRow) -> bool:
    return database.insert_absent(write, row.kind, row.values)


def _newest(write: Connection, row: SiteRow) -> bool:
    database.insert_or_replace(write, row.kind, row.values)
    return True


def _numbered(write: Connection, row: SiteRow) -> bool:
    """Under the next number there, unless there is one that says the same."""
    values = {name: value for name, value in row.values.items() if name != "number"}
    columns = inspect(row.kind).columns
    # JSON has no equality in PostgreSQL: records are compared here.
    plain = [columns[name] == value for name, value in values.items() if name != "record"]
    same = [dict(found) for found in write.execute(select(row.kind.__table__).where(*plain)).mappings()]
    if any(found.get("record") == values.get("record") for found in same):
        return False
    write.execute(insert(row.kind).values(values))
    return True


def _known(write: Connection, table: type[Table], values: Values, *names: str) -> dict[str, Any] | None:
    columns = inspect(table).columns
    same = [columns[column.name] == values[column.name] for column in inspect(table).primary_key]
    found = write.execute(select(*(columns[name] for name in names)).where(*same)).mappings().one_or_none()
    return None if found is None else dict(found)


_TAKE: dict[type[Table], Callable[[Connection, SiteRow], bool]] = {
    StudyRow: _study,
    ArtifactRow: _first,
    RefusalRow: _newest,
    SessionRow: _session,
    ScoreRow: _score,
    DecisionRow: _newest,
    RoundsRow: _newest,
    SearchStepRow: _first,
    StreamsHeldRow: _newest,
    NativeRow: _first,
    CalibrationRow: _first,
    PowerCalibrationRow: _numbered,
    OnOffRow: _numbered,
    DriftRow: _numbered,
    NightRow: _night,
    HealthRow: _newest,
    HealthEventRow: _numbered,
}
