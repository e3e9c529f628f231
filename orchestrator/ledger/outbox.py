"""The outbox: what is told of everything that happened, once, and how far each server has been told.

An entry is written once and keeps its number. A server's state is the number up to which it has everything, and the
entries that it will never take: so nothing is lost when it is away, and nothing is counted twice.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, literal, or_, select, tuple_, update

from orchestrator.ledger import database
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.tables import OutboxRefusedRow, OutboxRow, OutboxTargetRow, SessionRow, StudyRow

# How the key of an entry begins, by what it is of.
SESSION, STREAMS, NIGHT, VERDICT = "session:", "streams:", "night:", "verdict:"
_SCOPE = "outbox"
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
class Refused:
    """``reason``: one word for a label; ``detail``: in words."""

    number: int
    reason: str
    detail: str
    samples: int


@dataclass(frozen=True)
class Refusals:
    """All of one reason; ``detail``: of one of them."""

    reason: str
    entries: int
    samples: int
    detail: str


@dataclass(frozen=True)
class Delivery:
    """A server has all from ``after`` (not included) up to the number ``up_to``, and will never take ``refused``."""

    after: int
    up_to: int
    sent_samples: int
    refused: Sequence[Refused] = ()


@dataclass(frozen=True)
class Target:
    """A server: it has all up to the number ``delivered``. ``failure`` None: the last attempt went well."""

    url: str
    delivered: int = 0
    sent_samples: int = 0
    succeeded_utc: str | None = None
    failing_since_utc: str | None = None
    failure: str | None = None


@dataclass(frozen=True)
class Untold:
    """A session without an entry."""

    study_id: str
    session_id: str
    started_utc: str


@dataclass(frozen=True)
class Waiting:
    """What a server has not been told yet."""

    entries: int
    samples: int
    oldest_ms: int | None


def add(ledger: Ledger, entries: Sequence[NewEntry]) -> int:
    """How many were new, by their keys. One whose time is taken at its place gets the next free millisecond."""
    with ledger.transaction(_SCOPE) as connection:
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
    with ledger.transaction(_SCOPE) as connection:
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


def target(ledger: Ledger, url: str) -> Target:
    """A server that was told nothing is one of number 0."""
    return next((known for known in targets(ledger) if known.url == url), Target(url, 0))


def targets(ledger: Ledger) -> list[Target]:
    found = ledger.fetch(select(OutboxTargetRow.__table__).order_by(OutboxTargetRow.url))
    return [Target(*tuple(row)) for row in found]


def delivered(ledger: Ledger, url: str, what: Delivery, at_utc: str) -> bool:
    """False where another process was faster: it has counted them."""
    with ledger.transaction(_SCOPE) as connection:
        database.insert_absent(connection, OutboxTargetRow, {"url": url, "delivered": 0, "sent_samples": 0})
        ours = (OutboxTargetRow.url == url, OutboxTargetRow.delivered == what.after)
        values = {"delivered": what.up_to, **_well(at_utc)}
        total = OutboxTargetRow.sent_samples + what.sent_samples
        changed = connection.execute(update(OutboxTargetRow).where(*ours).values(**values, sent_samples=total))
        if changed.rowcount != 1:
            return False
        if what.refused:
            connection.execute(insert(OutboxRefusedRow), [{"url": url, **vars(each)} for each in what.refused])
    return True


def reached(ledger: Ledger, url: str, at_utc: str) -> None:
    """It has all there is, and answers."""
    with ledger.transaction(_SCOPE) as connection:
        connection.execute(update(OutboxTargetRow).where(OutboxTargetRow.url == url).values(**_well(at_utc)))


def _well(at_utc: str) -> dict[str, Any]:
    return {"succeeded_utc": at_utc, "failing_since_utc": None, "failure": None}


def failed(ledger: Ledger, url: str, failure: str, at_utc: str) -> None:
    """The last attempt did not go well; since when is kept. A server that never took anything has no state."""
    with ledger.transaction(_SCOPE) as connection:
        since = func.coalesce(OutboxTargetRow.failing_since_utc, at_utc)
        changed = update(OutboxTargetRow).where(OutboxTargetRow.url == url)
        connection.execute(changed.values(failing_since_utc=since, failure=failure))


def forget(ledger: Ledger, url: str) -> bool:
    """A server that is no more; told anew, it would get everything. False where it is not known."""
    with ledger.transaction(_SCOPE) as connection:
        connection.execute(delete(OutboxRefusedRow).where(OutboxRefusedRow.url == url))
        return connection.execute(delete(OutboxTargetRow).where(OutboxTargetRow.url == url)).rowcount == 1


def waiting(ledger: Ledger, of: Target) -> Waiting:
    samples, oldest = func.coalesce(func.sum(OutboxRow.samples), 0), func.min(OutboxRow.at_ms)
    asked = select(func.count().label("entries"), samples.label("samples"), oldest.label("oldest_ms"))
    found = ledger.fetch(asked.where(OutboxRow.number > of.delivered))[0]
    return Waiting(found.entries, int(found.samples), found.oldest_ms)


def refusals(ledger: Ledger, url: str) -> list[Refusals]:
    """By reason."""
    row = OutboxRefusedRow
    sums = (func.count().label("entries"), func.sum(row.samples).label("samples"), func.max(row.detail).label("detail"))
    asked = select(row.reason, *sums).where(row.url == url).group_by(row.reason).order_by(row.reason)
    return [Refusals(r.reason, r.entries, int(r.samples), r.detail) for r in ledger.fetch(asked)]
