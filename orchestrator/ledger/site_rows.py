"""Rows of a site's ledger, read with all that goes along with them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, and_, inspect, select

from orchestrator.ledger.rows import Values, kept_path
from orchestrator.ledger.spool import TABLES
from orchestrator.ledger.tables import (
    ArrayRow,
    ArtifactRow,
    EnvironmentRow,
    ScoreRow,
    SessionRow,
    StudyRow,
    Table,
)

Key = tuple[Any, ...]


@dataclass(frozen=True)
class SiteRow:
    """``study`` and ``session``: those that it belongs to, where it does. Of a session: its environment and arrays."""

    kind: type[Table]
    values: Values
    study: Values | None = None
    session: Values | None = None
    environment: Values | None = None
    arrays: tuple[Values, ...] = ()

    @property
    def parents(self) -> list[tuple[str, Key]]:
        """Table and key of each row that it refers to, those first that others of them refer to."""
        if self.kind is SessionRow:
            named = [(StudyRow, "study_id"), (ArtifactRow, "artifact_sha256")]
        elif self.kind is ScoreRow:
            named = [(SessionRow, "session_id")]
        else:
            named = [(StudyRow, "study_id")] if self.study is not None and self.kind is not StudyRow else []
        return [(table.__tablename__, (self.values[column],)) for table, column in named]


def read_row(connection: Connection, kind: str, key: Key, site_folder: Path, farm_folder: Path) -> SiteRow | None:
    """As it is now; None where it is there no more. An artifact's paths become those that hold in the farm's folder."""
    table = TABLES[kind]
    values = _one(connection, table, key)
    if values is None:
        return None
    if table is ArtifactRow:
        return SiteRow(table, _with_paths(values, site_folder, farm_folder))
    session = _one(connection, SessionRow, (values["session_id"],)) if table is ScoreRow else None
    study_id = (session or values).get("study_id")
    study = _one(connection, StudyRow, (study_id,)) if study_id is not None else None
    if table is not SessionRow:
        return SiteRow(table, values, study, session)
    arrays = connection.execute(select(ArrayRow.__table__).where(ArrayRow.session_id == values["session_id"]))
    environment = _one(connection, EnvironmentRow, (values["environment_sha256"],))
    return SiteRow(table, values, study, None, environment, tuple(dict(row) for row in arrays.mappings()))


def _one(connection: Connection, table: type[Table], key: Key) -> Values | None:
    same = and_(*(column == value for column, value in zip(inspect(table).primary_key, key, strict=True)))
    found = connection.execute(select(table.__table__).where(same)).mappings().one_or_none()
    return None if found is None else dict(found)


def _with_paths(values: Values, site_folder: Path, farm_folder: Path) -> Values:
    record = dict(values["record"])
    path = kept_path(site_folder / values["path"], farm_folder)
    parts = {
        name: {**part, "path": kept_path(site_folder / part["path"], farm_folder)}
        for name, part in record.get("parts", {}).items()
    }
    return {**values, "path": path, "record": {**record, "path": path, "parts": parts}}
