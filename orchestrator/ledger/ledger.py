"""The ledger: what was asked, what was run, what came of it. One SQLite file; the truth that all else is a view of."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from orchestrator.domain.artifact import Artifact
from orchestrator.domain.decision import Decision
from orchestrator.domain.recipe import Recipe
from orchestrator.domain.score import Score
from orchestrator.domain.session import Environment, Session
from orchestrator.domain.study import Study
from orchestrator.errors import LedgerError
from orchestrator.ledger import database, rows
from orchestrator.ledger.place import Place, place_of
from orchestrator.ledger.tables import (
    ArrayRow,
    ArtifactRow,
    CompactedRow,
    DecisionRow,
    EnvironmentRow,
    RefusalRow,
    ScoreRow,
    SessionRow,
    StudyRow,
    Table,
)

# An export or a night writes for milliseconds; whoever holds the lock this long is stuck.
BUSY_TIMEOUT_S = 30.0


class Ledger:
    """Safe to use from several threads, and from several processes at once.

    Every ``record_...`` is one transaction: after a kill or a power cut it is there as a whole or not at all.
    Every method raises LedgerError where the file cannot be read or written.
    """

    def __init__(self, place: Place, *, create: bool, busy_timeout_s: float) -> None:
        self.place = place
        self._engine = database.connect(place, create=create, busy_timeout_s=busy_timeout_s)

    @classmethod
    def open(cls, path: Path, *, create: bool = True, busy_timeout_s: float = BUSY_TIMEOUT_S) -> "Ledger":
        """The file ``path``, or the database that its folder is attached to.

        Raises LedgerError: no ledger there, not a ledger, read-only, locked for too long, of a newer Earshot.
        """
        return cls(place_of(path), create=create, busy_timeout_s=busy_timeout_s)

    @classmethod
    def at(cls, place: Place, *, create: bool = True, busy_timeout_s: float = BUSY_TIMEOUT_S) -> "Ledger":
        """The same of a place that is known already."""
        return cls(place, create=create, busy_timeout_s=busy_timeout_s)

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def fetch(self, statement: Any) -> list[rows.AnyRow]:
        """The rows of a ``select``, for the queries of this folder."""
        with self.snapshot() as connection:
            return list(connection.execute(statement))

    def snapshot(self) -> AbstractContextManager[Connection]:
        """Several reads of one state of the ledger, for the files of this folder."""
        return database.reading(self._engine, self.place)

    def transaction(self, scope: str = "ledger") -> AbstractContextManager[Connection]:
        """Several statements as one, for the files of this folder: recorded as a whole or not at all.

        ``scope``: what it writes about; of two with the same, one waits until the other has ended, before it reads.
        """
        return database.writing(self._engine, self.place, scope)

    # Studies

    def begin_study(self, study: Study) -> None:
        """Recording the same study again changes nothing; another one under its id raises LedgerError."""
        with self.transaction(f"study {study.study_id}") as connection:
            known = _one(connection, StudyRow, StudyRow.study_id == study.study_id)
            if known is None:
                connection.execute(insert(StudyRow).values(rows.study_values(study)))
            elif known.settings_sha256 != study.settings_sha256:
                raise LedgerError(f"study {study.study_id} is in the ledger with other settings", hint="use a new id")

    def finish_study(self, study_id: str, status: str) -> None:
        """``status``: finished or abandoned. Raises LedgerError for an unknown study, ValueError for another status."""
        with self.transaction(f"study {study_id}") as connection:
            row = _one(connection, StudyRow, StudyRow.study_id == study_id)
            if row is None:
                raise LedgerError(f"study {study_id} is not in the ledger {self.place}")
            changed = Study(row.study_id, row.model, row.device, row.started_utc, row.settings, status)
            connection.execute(update(StudyRow).where(StudyRow.study_id == study_id).values(status=changed.status))

    def unfinished_study(self, settings_sha256: str) -> Study | None:
        """The newest running study that asks this very question: the one to go on with."""
        found = self._studies(StudyRow.settings_sha256 == settings_sha256, StudyRow.status == "running")
        return found[-1] if found else None

    def study(self, study_id: str) -> Study | None:
        return next(iter(self._studies(StudyRow.study_id == study_id)), None)

    def studies(self) -> list[Study]:
        """All of them, oldest first."""
        return self._studies()

    def latest_study(self, model: str | None = None) -> Study | None:
        """The one started last, whatever its status."""
        found = self._studies(*([] if model is None else [StudyRow.model == model]))
        return found[-1] if found else None

    def _studies(self, *where: ColumnElement[bool]) -> list[Study]:
        ordered = select(StudyRow.__table__).where(*where).order_by(StudyRow.started_utc, StudyRow.study_id)
        return [rows.study_of(row) for row in self.fetch(ordered)]

    # Artifacts and refused exports

    def record_artifact(self, artifact: Artifact) -> None:
        """The first record of these bytes stays as long as its file does: a later export of them changes nothing."""
        values = rows.artifact_values(artifact, self.place.folder)
        with self.transaction(f"artifact {artifact.sha256}") as connection:
            known = _one(connection, ArtifactRow, ArtifactRow.sha256 == artifact.sha256)
            if known is None:
                connection.execute(insert(ArtifactRow).values(values))
            elif not (self.place.folder / known.path).exists():
                connection.execute(update(ArtifactRow).where(ArtifactRow.sha256 == artifact.sha256).values(values))

    def artifact(self, sha256: str) -> Artifact | None:
        return next(iter(self._artifacts(ArtifactRow.sha256 == sha256)), None)

    def artifacts(self, model: str | None = None) -> list[Artifact]:
        """Of one model or of all, sorted by model and recipe."""
        return self._artifacts(*([] if model is None else [ArtifactRow.model == model]))

    def _artifacts(self, *where: ColumnElement[bool]) -> list[Artifact]:
        order = (ArtifactRow.model, ArtifactRow.recipe, ArtifactRow.sha256)
        found = self.fetch(select(ArtifactRow.__table__).where(*where).order_by(*order))
        return [rows.artifact_of(row, self.place.folder) for row in found]

    def record_refusal(self, study_id: str, recipe: Recipe, reason: str) -> None:
        """An export that was refused; recording it again keeps the newest reason."""
        values = {"study_id": study_id, "recipe": str(recipe), "reason": reason}
        self._replace(
            f"study {study_id}", RefusalRow, (RefusalRow.study_id == study_id, RefusalRow.recipe == str(recipe)), values
        )

    def refusals(self, study_id: str) -> list[tuple[str, str]]:
        """(text of the recipe, reason), sorted by the text."""
        found = self.fetch(select(RefusalRow.__table__).where(RefusalRow.study_id == study_id).order_by("recipe"))
        return [(row.recipe, row.reason) for row in found]

    # Sessions

    def record_session(self, session: Session) -> bool:
        """With its arrays and its environment. False where its id is there already: the first record stays."""
        environment = rows.environment_values(session.environment)
        values = rows.session_values(session, environment["sha256"])
        arrays = rows.array_values(session)
        with self.transaction(f"session {session.session_id}") as connection:
            if _one(connection, SessionRow, SessionRow.session_id == session.session_id) is not None:
                return False
            database.insert_absent(connection, EnvironmentRow, environment)
            connection.execute(insert(SessionRow).values(values))
            if arrays:
                connection.execute(insert(ArrayRow), arrays)
        return True

    def finished_ids(self, study_id: str) -> frozenset[str]:
        """Ids of the sessions that need not be run again, failed ones among them."""
        return frozenset(self._scalars(select(SessionRow.session_id).where(SessionRow.study_id == study_id)))

    def session(self, session_id: str, with_arrays: bool = True) -> Session | None:
        return next(iter(self._sessions([SessionRow.session_id == session_id], with_arrays)), None)

    def sessions(
        self,
        study_id: str,
        mode: str | None = None,
        candidate_key: str | None = None,
        with_arrays: bool = True,
    ) -> list[Session]:
        """In the order in which they were planned: block, position, attempt."""
        where: list[ColumnElement[bool]] = [SessionRow.study_id == study_id]
        if mode is not None:
            where.append(SessionRow.mode == mode)
        if candidate_key is not None:
            where.append(SessionRow.candidate_key == candidate_key)
        return self._sessions(where, with_arrays)

    def _sessions(self, where: list[ColumnElement[bool]], with_arrays: bool) -> list[Session]:
        order = (SessionRow.block, SessionRow.position, SessionRow.attempt, SessionRow.session_id)
        with self.snapshot() as connection:
            found = list(connection.execute(select(SessionRow.__table__).where(*where).order_by(*order)))
            environments = _environments(connection, where)
            arrays: dict[str, dict[str, Any]] = {row.session_id: {} for row in found}
            if with_arrays:
                for row in connection.execute(select(ArrayRow.__table__).join(SessionRow).where(*where)):
                    arrays[row.session_id][row.name] = rows.array_of(row)
            kept = _kept(connection, where)
        return [
            rows.session_of(row, environments[row.environment_sha256], arrays[row.session_id], kept.get(row.session_id))
            for row in found
        ]

    # Scores and decisions

    def record_score(self, score: Score) -> None:
        """One per session and metric; the newest stays."""
        where = (ScoreRow.session_id == score.session_id, ScoreRow.metric == score.metric)
        self._replace(f"session {score.session_id}", ScoreRow, where, rows.score_values(score))

    def scores(self, study_id: str) -> list[Score]:
        order = (SessionRow.block, SessionRow.position, ScoreRow.session_id, ScoreRow.metric)
        joined = select(ScoreRow.__table__).join(SessionRow, SessionRow.session_id == ScoreRow.session_id)
        return [
            rows.score_of(row) for row in self.fetch(joined.where(SessionRow.study_id == study_id).order_by(*order))
        ]

    def record_decision(self, decision: Decision) -> None:
        """One per study; the newest stays (first without its verification, then with it)."""
        values = rows.decision_values(decision)
        self._replace(f"study {decision.study_id}", DecisionRow, (DecisionRow.study_id == decision.study_id,), values)

    def decision(self, study_id: str) -> Decision | None:
        found = self.fetch(select(DecisionRow.__table__).where(DecisionRow.study_id == study_id))
        return rows.decision_of(found[0]) if found else None

    def _replace(
        self, scope: str, table: type[Table], where: Iterable[ColumnElement[bool]], values: rows.Values
    ) -> None:
        with self.transaction(scope) as connection:
            connection.execute(delete(table).where(*where))
            connection.execute(insert(table).values(values))

    def _scalars(self, statement: Any) -> list[Any]:
        return [row[0] for row in self.fetch(statement)]


def _one(connection: Connection, table: type[Table], where: ColumnElement[bool]) -> rows.AnyRow | None:
    return connection.execute(select(table.__table__).where(where)).one_or_none()


def _environments(connection: Connection, where: list[ColumnElement[bool]]) -> dict[str, Environment]:
    hashes = select(SessionRow.environment_sha256).where(*where)
    found = connection.execute(select(EnvironmentRow.__table__).where(EnvironmentRow.sha256.in_(hashes)))
    return {row.sha256: rows.load(Environment, row.record, f"environment {row.sha256[:12]}") for row in found}


def _kept(connection: Connection, where: list[ColumnElement[bool]]) -> dict[str, rows.AnyRow]:
    columns = (CompactedRow.session_id, CompactedRow.record)
    return {row.session_id: row for row in connection.execute(select(*columns).join(SessionRow).where(*where))}
