"""Raw arrays of old sessions make way; their figures and histograms stay (``earshot ledger compact``)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, insert, literal, select

from agents.strict_json import to_json
from orchestrator.domain.decision import Decision
from orchestrator.domain.heat import LEAST_S
from orchestrator.domain.kept import Kept
from orchestrator.domain.session_verdict import TIMED
from orchestrator.ledger.farm_tables import SpoolRow
from orchestrator.ledger.kept_times import packed
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.rows import Values, load
from orchestrator.ledger.tables import ArrayRow, CompactedRow, DecisionRow, SessionRow
from orchestrator.statistics.log_buckets import Buckets

_SCOPE = "compact"


@dataclass(frozen=True)
class Old:
    """A session whose arrays, of ``array_bytes``, may make way."""

    session_id: str
    study_id: str
    candidate_key: str
    array_bytes: int


@dataclass(frozen=True)
class Compacted:
    """What stays of one: ``histograms`` by the names of ``kept_times``."""

    old: Old
    kept: Kept
    histograms: Mapping[str, Buckets]


def old_sessions(ledger: Ledger, before_utc: str) -> list[Old]:
    """Timed ones with arrays that began before ``before_utc`` (ISO 8601), oldest first.

    Not those of several streams, of cascades and idle ones, whose figures are made of all of their arrays; nor those
    long enough to tell about heat, which later studies are asked about; nor what a site has not delivered yet.
    """
    size = func.sum(func.length(ArrayRow.blob)).label("size")
    columns = (SessionRow.session_id, SessionRow.study_id, SessionRow.candidate_key, SessionRow.started_utc)
    found = ledger.fetch(
        select(*columns, size)
        .join(ArrayRow, ArrayRow.session_id == SessionRow.session_id)
        .where(SessionRow.started_utc < before_utc, SessionRow.mode.in_(TIMED), SessionRow.duration_s < LEAST_S)
        .where(*_delivered())
        .group_by(*columns)
        .order_by(SessionRow.started_utc, SessionRow.session_id)
    )
    return [Old(row.session_id, row.study_id, row.candidate_key, int(row.size)) for row in found]


def _delivered() -> list[ColumnElement[bool]]:
    waiting = select(SpoolRow.key).where(SpoolRow.kind == SessionRow.__tablename__)
    # As the spool spells a key (spool.py): a JSON list of one text. Ids have no characters that JSON escapes.
    return [(literal('["') + SessionRow.session_id + '"]').not_in(waiting)]


@dataclass(frozen=True)
class Evidence:
    """What decisions and bundles name: winners and the defaults that they were held against, as (study, candidate's
    key), and the sessions that verified them.
    """

    candidates: frozenset[tuple[str, str]]
    sessions: frozenset[str]

    def names(self, old: Old) -> bool:
        return (old.study_id, old.candidate_key) in self.candidates or old.session_id in self.sessions


def evidence(ledger: Ledger) -> Evidence:
    candidates: set[tuple[str, str]] = set()
    sessions: set[str] = set()
    for row in ledger.fetch(select(DecisionRow.study_id, DecisionRow.record)):
        decision = load(Decision, row.record, f"decision of study {row.study_id}")
        candidates |= {(row.study_id, key) for key in (decision.winner, decision.baseline) if key is not None}
        sessions |= set(decision.verification.session_ids if decision.verification else ())
    return Evidence(frozenset(candidates), frozenset(sessions))


def compact(ledger: Ledger, batch: Sequence[Compacted], *, dry_run: bool = False) -> int:
    """All of the batch or nothing; bytes of what stays instead. What somebody else compacted by now stays as it is."""
    stays = 0
    if dry_run:
        return sum(map(_bytes, map(_values, batch)))
    with ledger.transaction(_SCOPE) as connection:
        ids = [each.old.session_id for each in batch]
        done = select(CompactedRow.session_id).where(CompactedRow.session_id.in_(ids))
        known = set(connection.execute(done).scalars())
        for each in batch:
            if each.old.session_id not in known:
                values = _values(each)
                connection.execute(insert(CompactedRow).values(values))
                connection.execute(delete(ArrayRow).where(ArrayRow.session_id == each.old.session_id))
                stays += _bytes(values)
    return stays


def _bytes(values: Values) -> int:
    return len(values["histograms"]) + len(json.dumps(values["record"]))


def _values(each: Compacted) -> Values:
    return {
        "session_id": each.old.session_id,
        "compacted_utc": each.kept.compacted_utc,
        "freed_bytes": each.old.array_bytes,
        "record": to_json(each.kept),
        "histograms": packed(each.histograms),
    }
