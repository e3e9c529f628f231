"""The outbox: what is told of everything that happened, once.

An entry is written once and keeps its number.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, literal, or_, select, tuple_, update

from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.tables import OutboxRow, SessionRow, StudyRow

# How the key of an entry begins, by what it is of.
SESSION, STREAMS, NIGHT, VERDICT = "session:", "streams:", "night:", "verdict:"
SCOPE = "outbox"
_PAGE = 1000


@dataclass(frozen=True)
class NewEntry:
    """``key``: what it is of. ``place``: entries of one place have the same series, and so each a time of its own.

    ``at_ms``: since 1970, UTC. ``samples``: how many ``record`` has.
    """

    key: str
    place: str
    at_ms: int
    samples: int
    record: Mapping[str, Any]


@dataclass(frozen=True)
class Entry:
    number: int
    key: str
    place: str
    at_ms: int
    samples: int
    record: Mapping[str, Any]


@dataclass(frozen=True)
class Untold:
    """A session without an entry."""

    study_id: str
    session_id: str
    started_utc: str


def add(ledger: Ledger, entries: Sequence[NewEntry]) -> int:
    """How many were new, by their keys. One whose time is taken at its place gets the next free millisecond."""
    with ledger.transaction(SCOPE) as connection:
        pages = [entries[start : start + _PAGE] for start in range(0, len(entries), _PAGE)]
        return sum(_add(connection, page) for page in pages)


def _add(connection: Connection, entries: Sequence[NewEntry]) -> int:
    wanted = {entry.key: entry for entry in reversed(entries)}
    asked = select(OutboxRow.key).where(OutboxRow.key.in_(wanted))
    known = {row.key for row in connection.execute(asked)}
    new = [entry for entry in entries if entry.key not in known and wanted[entry.key] is entry]
    taken = _times(connection, {entry.place for entry in new})
    rows = [{**vars(entry), "at_ms": _next_free(taken, entry.place, entry.at_ms)} for entry in new]
    if rows:
        connection.execute(insert(OutboxRow), rows)
    return len(rows)


def move(ledger: Ledger, entries: Sequence[Entry], to_ms: int) -> None:
    """Their time was one that had not come: they get ``to_ms`` (or the next free one), for all servers and for good."""
    with ledger.transaction(SCOPE) as connection:
        taken = _times(connection, {entry.place for entry in entries})
        for entry in entries:
            at_ms = _next_free(taken, entry.place, to_ms)
            connection.execute(update(OutboxRow).where(OutboxRow.number == entry.number).values(at_ms=at_ms))


def _times(connection: Connection, places: Iterable[str]) -> set[tuple[str, int]]:
    asked = select(OutboxRow.place, OutboxRow.at_ms).where(OutboxRow.place.in_(places))
    return {(row.place, row.at_ms) for row in connection.execute(asked)}


def _next_free(taken: set[tuple[str, int]], place: str, at_ms: int) -> int:
    """The first millisecond from ``at_ms`` on that the place has not; it has it from now on."""
    while (place, at_ms) in taken:
        at_ms += 1
    taken.add((place, at_ms))
    return at_ms


def entries_after(ledger: Ledger, number: int, limit: int) -> list[Entry]:
    """The next ones by number, at most ``limit``."""
    found = select(OutboxRow.__table__).where(OutboxRow.number > number).order_by(OutboxRow.number).limit(limit)
    return [Entry(*tuple(row)) for row in ledger.fetch(found)]


def all_entries(ledger: Ledger) -> Iterator[Entry]:
    """By time, a page at a time."""
    after = (-1, 0)
    order = tuple_(OutboxRow.at_ms, OutboxRow.number)
    while True:
        asked = select(OutboxRow.__table__).where(order > after).order_by(OutboxRow.at_ms, OutboxRow.number)
        page = [Entry(*tuple(row)) for row in ledger.fetch(asked.limit(_PAGE))]
        if not page:
            return
        yield from page
        after = (page[-1].at_ms, page[-1].number)


def keys(ledger: Ledger, prefix: str) -> frozenset[str]:
    """Those that begin so, without the beginning."""
    found = ledger.fetch(select(OutboxRow.key).where(OutboxRow.key.startswith(prefix, autoescape=True)))
    return frozenset(key.removeprefix(prefix) for (key,) in found)


def sessions_untold(ledger: Ledger, modes: Sequence[str], stale_utc: str) -> list[Untold]:
    """The sessions of these modes without an entry, a study after another, oldest first.

    Those of a study that still runs are left until it has ended, as what they drew is known then; but for the ones
    from before ``stale_utc``, whose study nobody may ever end.
    """
    told = OutboxRow.key == literal(SESSION) + SessionRow.session_id
    known = (
        select(SessionRow.study_id, SessionRow.session_id, SessionRow.started_utc)
        .join(StudyRow)
        .outerjoin(OutboxRow, told)
    )
    ended = or_(StudyRow.status != "running", SessionRow.started_utc < stale_utc)
    order = (StudyRow.started_utc, SessionRow.study_id, SessionRow.started_utc, SessionRow.session_id)
    untold = known.where(OutboxRow.number.is_(None), SessionRow.mode.in_(modes), ended)
    return [Untold(*tuple(row)) for row in ledger.fetch(untold.order_by(*order))]
