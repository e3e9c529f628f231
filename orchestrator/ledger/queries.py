"""The ledger as pandas frames: one row per session, from columns and, for percentiles, from its raw times."""

from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, select

from agents import wire
from orchestrator.domain.timeline import Timeline
from orchestrator.errors import LedgerError
from orchestrator.ledger import rows
from orchestrator.ledger.arrays import decode_span
from orchestrator.ledger.kept_times import NS_PER_S, unpacked
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.tables import ArrayRow, CompactedRow, SessionRow
from orchestrator.statistics.log_buckets import Buckets, percentile_of
from orchestrator.statistics.percentiles import percentile

TIMES = ("latency", "service", "lateness", "features", "model", "decode")

_COLUMNS = (
    SessionRow.session_id,
    SessionRow.study_id,
    SessionRow.device,
    SessionRow.device_model,
    SessionRow.model,
    SessionRow.candidate_key,
    SessionRow.recipe,
    SessionRow.runtime,
    SessionRow.provider,
    SessionRow.threads,
    SessionRow.chunk_samples,
    SessionRow.artifact_sha256,
    SessionRow.mode,
    SessionRow.block,
    SessionRow.position,
    SessionRow.attempt,
    SessionRow.chunk_count,
    SessionRow.outcome,
    SessionRow.failure,
    SessionRow.started_utc,
    SessionRow.duration_s,
)
_NAMES = tuple(column.key for column in _COLUMNS)
_OLDEST_FIRST = (SessionRow.started_utc, SessionRow.session_id)
_NEVER = "never: so many chunks were dropped"


@dataclass(frozen=True)
class Where:
    """Which sessions; None takes all. ``since_utc`` is the earliest start, as ISO 8601 in UTC."""

    study_id: str | None = None
    device: str | None = None
    device_model: str | None = None
    model: str | None = None
    candidate_key: str | None = None
    mode: str | None = None
    outcome: str | None = None
    since_utc: str | None = None

    def clauses(self) -> list[ColumnElement[bool]]:
        equal = {name: value for name, value in vars(self).items() if value is not None and name != "since_utc"}
        found: list[ColumnElement[bool]] = [getattr(SessionRow, name) == value for name, value in equal.items()]
        if self.since_utc is not None:
            found.append(SessionRow.started_utc >= self.since_utc)
        return found


def sessions_frame(ledger: Ledger, where: Where = Where()) -> pd.DataFrame:
    """One row per session, oldest first; columns as in the table ``sessions``, without the JSON ones."""
    statement = select(*_COLUMNS).where(*where.clauses()).order_by(*_OLDEST_FIRST)
    return pd.DataFrame([tuple(row) for row in ledger.fetch(statement)], columns=list(_NAMES))


def percentile_per_session(
    ledger: Ledger,
    column: str,
    quantile: float,
    where: Where = Where(),
    skip_chunks: int = 0,
) -> pd.DataFrame:
    """The quantile (0.99 for p99) of one of ``TIMES`` in each session, without its first ``skip_chunks`` chunks.

    Where raw times made way it is that of their histogram, and ``reason`` says how far it can be off.

    Columns of ``sessions_frame``, then ``n``, ``value_ns``, ``low_ns``, ``high_ns`` (within the session) and
    ``reason``: where a session has too few chunks, or times that cannot be, the figures are absent and the reason says
    so. Sessions without such times (failed ones, flat-out ones for latency) are not in the frame. Raises ValueError
    for another column.
    """
    if column not in TIMES:
        raise ValueError(f"column must be one of {', '.join(TIMES)}, got {column!r}")
    arrays = (ArrayRow.name, ArrayRow.dtype, ArrayRow.shape, ArrayRow.codec, ArrayRow.blob)
    clauses = [*where.clauses(), ArrayRow.name == "t_ns"]
    if column == "latency":
        clauses.append(SessionRow.mode == "paced")
    statement = select(*_COLUMNS, *arrays).join(ArrayRow, ArrayRow.session_id == SessionRow.session_id).where(*clauses)
    found = ledger.fetch(statement.order_by(*_OLDEST_FIRST))
    figures = [_figures(row, column, quantile, skip_chunks) for row in found]
    told = [tuple(row[: len(_NAMES)]) + more for row, more in zip(found, figures, strict=True)]
    kept = _of_kept(ledger, column, quantile, where, skip_chunks)
    told = sorted([*told, *kept], key=itemgetter(*map(_NAMES.index, ("started_utc", "session_id")))) if kept else told
    return pd.DataFrame(told, columns=[*_NAMES, "n", "value_ns", "low_ns", "high_ns", "reason"])


def _of_kept(ledger: Ledger, column: str, quantile: float, where: Where, skip_chunks: int) -> list[tuple[Any, ...]]:
    """Rows of the sessions whose raw times made way."""
    statement = select(*_COLUMNS, CompactedRow.histograms).join(CompactedRow).where(*where.clauses())
    told = []
    for row in ledger.fetch(statement):
        try:
            found = unpacked(row.histograms).get(column)
        except ValueError as exc:
            raise LedgerError(f"cannot read the histograms of session {row.session_id} in the ledger: {exc}") from exc
        if found is not None:
            told.append((*row[: len(_NAMES)], *_of_histogram(found, quantile, skip_chunks)))
    return told


def _of_histogram(found: Buckets, quantile: float, skip_chunks: int) -> tuple[Any, ...]:
    if skip_chunks:
        return 0, None, None, None, "the raw times made way, and the histogram is of all chunks"
    told = percentile_of(found, quantile)
    if told.value is not None and told.value * NS_PER_S >= wire.NEVER_NS // 2:
        return told.n, None, None, None, _NEVER
    ends = (None if end is None else end * NS_PER_S for end in (told.value, told.low, told.high))
    return told.n, *ends, told.reason


def _figures(row: rows.AnyRow, column: str, quantile: float, skip_chunks: int) -> tuple[Any, ...]:
    if row.shape[0] <= skip_chunks:
        return 0, None, None, None, f"the session has {row.shape[0]} chunks, {skip_chunks} are skipped"
    try:
        found = percentile(_times(row, column, skip_chunks), quantile)
    except ValueError as exc:
        return 0, None, None, None, str(exc)
    if found.value is not None and found.value >= wire.NEVER_NS // 2:
        return found.n, None, None, None, _NEVER
    return found.n, found.value, found.low, found.high, found.reason


def _times(row: rows.AnyRow, column: str, skip_chunks: int) -> NDArray[np.int64]:
    if column == "latency":
        # d_k - a_k, as Timeline has it, without unpacking what lies between: this is what nights of sessions are asked.
        return rows.array_of(row, decode_span)[skip_chunks:]
    # The chunk's duration plays no part in these times.
    timeline = Timeline(rows.array_of(row), 1, paced=row.mode == "paced").after(skip_chunks)
    if column in ("service", "lateness"):
        times: NDArray[np.int64] = getattr(timeline, f"{column}_ns")
        return times
    return timeline.stage_ns()[column]
