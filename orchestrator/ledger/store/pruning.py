"""Files that nobody will ask for any more leave the store."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, or_, select

from orchestrator.domain.job import OPEN
from orchestrator.errors import BadInput
from orchestrator.ledger import database
from orchestrator.ledger.farm_tables import JobRow, NeedRow
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.store.base import Store
from orchestrator.ledger.tables import ArtifactRow, SessionRow

_NIGHT_S = 24 * 3600.0
_SHA256 = re.compile(r"\b[0-9a-f]{64}\b")
# In a job's payload: the hash of a list of more files.
_LIST = "parcel"
_BATCH = 500


@dataclass(frozen=True)
class Pruned:
    deleted: int
    freed_bytes: int
    kept: int


def prune(ledger: Ledger, store: Store, nights: int) -> Pruned:
    """Delete what was not put within so many nights, and what no job that is open or of that time and no artifact that
    was measured then refers to. An export that is asked for again later is then done again.

    Raises BadInput for less than one night: somebody may just be submitting what needs it. Raises StoreError for a
    store that is read only or tells no times.
    """
    if nights < 1:
        raise BadInput(f"files of one night at least are kept, got {nights}", hint="--nights 30")
    with ledger.snapshot() as connection:
        since_s = database.now_s(connection) - nights * _NIGHT_S
        named, lists = _named_by_jobs(connection, since_s)
        named |= _named_by_artifacts(connection, since_s)
    for sha256 in lists:
        named |= _named_in(store, sha256)
    deleted = freed = kept = 0
    for held in list(store.held()):
        if held.sha256 in named or held.put_utc_s is None or held.put_utc_s > since_s:
            kept += 1
            continue
        store.delete(held.sha256)
        deleted, freed = deleted + 1, freed + held.size_bytes
    return Pruned(deleted, freed, kept)


def _named_by_jobs(connection: Connection, since_s: float) -> tuple[set[str], set[str]]:
    """Hashes, and those of them that are lists."""
    recent = or_(JobRow.state.in_(OPEN), JobRow.submitted_utc_s > since_s, JobRow.finished_utc_s > since_s)
    ids = set(connection.execute(select(JobRow.job_id).where(recent)).scalars())
    waiting = ids
    while waiting:
        needed = _needs_of(connection, waiting) - ids
        ids, waiting = ids | needed, needed
    named: set[str] = set()
    lists: set[str] = set()
    for batch in _batches(ids):
        columns = select(JobRow.payload, JobRow.result).where(JobRow.job_id.in_(batch))
        for row in connection.execute(columns):
            named |= _hashes([row.payload, row.result])
            lists |= {row.payload[_LIST]} if _LIST in row.payload else set()
    return named, lists


def _needs_of(connection: Connection, ids: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for batch in _batches(ids):
        found |= set(connection.execute(select(NeedRow.needs).where(NeedRow.job_id.in_(batch))).scalars())
    return found


def _named_by_artifacts(connection: Connection, since_s: float) -> set[str]:
    since_utc = datetime.fromtimestamp(since_s, UTC).isoformat(timespec="seconds")
    measured = select(SessionRow.artifact_sha256).where(SessionRow.started_utc > since_utc)
    records = connection.execute(select(ArtifactRow.record).where(ArtifactRow.sha256.in_(measured))).scalars()
    return _hashes(list(records))


def _named_in(store: Store, sha256: str) -> set[str]:
    if not store.has(sha256):
        return set()
    return set(_SHA256.findall(b"".join(store.read(sha256, 0)).decode(errors="replace")))


def _hashes(told: Any) -> set[str]:
    return set(_SHA256.findall(json.dumps(told)))


def _batches(ids: Iterable[str]) -> Iterable[list[str]]:
    known = sorted(ids)
    return (known[start : start + _BATCH] for start in range(0, len(known), _BATCH))
