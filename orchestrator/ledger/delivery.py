"""What a site measured, brought to the farm's ledger: every row once, a session with all of its arrays or not at all.

Interrupted anywhere, the next delivery goes on: what the farm has by then is found there, and stays as it is.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from orchestrator.errors import LedgerError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.receiving import NotTaken, receive
from orchestrator.ledger.site_rows import Key, SiteRow, read_row
from orchestrator.ledger.spool import Entry, entries_after, forget, refuse
from orchestrator.ledger.tables import ScoreRow, SessionRow

_SESSIONS = SessionRow.__tablename__
# Rows that go without a session travel together up to here.
_MOST_ROWS = 100
# Of many who wait for a delivery each goes on when its own page is there.
_PAGE, _SHORT_PAGE = 500, 16


@dataclass(frozen=True)
class Delivered:
    """``rows``: how many are new or newer at the farm, by table. ``known``: those that it had. ``refused``: which rows
    the farm's ledger does not take, and why; they stay at the site. ``studies``: of the sessions that are new.
    """

    rows: dict[str, int] = field(default_factory=dict)
    known: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    studies: frozenset[str] = frozenset()

    @property
    def sessions(self) -> int:
        return self.rows.get(_SESSIONS, 0)

    def plus(self, other: "Delivered") -> "Delivered":
        both = {name: self.rows.get(name, 0) + other.rows.get(name, 0) for name in {**self.rows, **other.rows}}
        return Delivered(
            both, self.known + other.known, {**self.refused, **other.refused}, self.studies | other.studies
        )


def deliver(
    site: Ledger,
    farm: Ledger,
    *,
    refused_too: bool = False,
    told: Callable[[Delivered], None] = lambda so_far: None,
    through: int | None = None,
) -> Delivered:
    """All that waits in the spool of the site's ledger, or what does up to the entry ``through``. ``refused_too``: what
    the farm did not take before is tried again. ``told``: how much it is so far, after each page of the spool.

    Raises LedgerError where the farm's ledger or the site's cannot be used; what was delivered by then stays there.
    """
    delivery, last = _Delivery(site, farm), 0
    limit = _PAGE if through is None else _SHORT_PAGE
    while page := entries_after(site, last, refused=refused_too, limit=limit):
        if through is not None and page[0].number > through:
            break
        try:
            for bundle in _bundles(page):
                delivery.bring(bundle)
        finally:
            forget(site, delivery.arrived)
            delivery.arrived.clear()
        last = page[-1].number
        told(delivery.done)
    return delivery.done


def deliver_lost(site: Ledger, farm: Ledger, session_id: str) -> bool:
    """Whether the farm's ledger lacks this session, or a score of it, that nothing here waits to deliver any more: it
    gets them again. A database that lost its last commits (a standby that was behind became the primary, a backup was
    restored) has jobs that are done anew, and their sessions are here. Raises LedgerError.
    """
    metrics = site.fetch(select(ScoreRow.metric).where(ScoreRow.session_id == session_id))
    with farm.snapshot() as connection:
        found = connection.execute(select(SessionRow.session_id).where(SessionRow.session_id == session_id)).all()
        scored = connection.execute(select(ScoreRow.metric).where(ScoreRow.session_id == session_id)).scalars().all()
    lost = [Entry(0, ScoreRow.__tablename__, (session_id, row.metric), 0.0) for row in metrics if row[0] not in scored]
    if not found:
        lost.insert(0, Entry(0, _SESSIONS, (session_id,), 0.0))
    if lost:
        _Delivery(site, farm).bring_again(lost)
    return bool(lost)


def _bundles(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """What goes in one transaction: at most one session, with what was written before it and after it."""
    bundle: list[Entry] = []
    for entry in entries:
        second = entry.kind == _SESSIONS and any(each.kind == _SESSIONS for each in bundle)
        if bundle and (second or len(bundle) >= _MOST_ROWS):
            yield bundle
            bundle = []
        bundle.append(entry)
    if bundle:
        yield bundle


class _Delivery:
    """``arrived``: what the site may forget."""

    def __init__(self, site: Ledger, farm: Ledger) -> None:
        self._site, self._farm = site, farm
        self._own_studies: set[str] = set()
        self.arrived: list[Entry] = []
        self.done = Delivered()

    def bring(self, bundle: Sequence[Entry]) -> None:
        """As a whole; where a row is not taken, each by itself."""
        try:
            self._bring(bundle)
        except LedgerError as exc:
            if not _of_a_row(exc):
                raise
            for entry in bundle:
                self._bring_alone(entry)

    def bring_again(self, entries: Sequence[Entry]) -> None:
        """With all that they refer to, which may be lost too."""
        self._bring(entries, with_parents=True)

    def _bring_alone(self, entry: Entry) -> None:
        try:
            self._bring([entry], with_parents=True)
        except LedgerError as exc:
            if not _of_a_row(exc):
                raise
            refuse(self._site, entry, exc.message)
            self._count(Delivered(refused={f"{entry.kind} {' '.join(map(str, entry.key))}": exc.message}))

    def _bring(self, entries: Sequence[Entry], *, with_parents: bool = False) -> None:
        keys = list(dict.fromkeys((entry.kind, entry.key) for entry in entries))
        rows = self._read(keys, with_parents)
        session = next((key[0] for kind, key in keys if kind == _SESSIONS), None)
        with self._farm.transaction("delivery" if session is None else f"session {session}") as write:
            new = [row for row in rows if receive(write, row, self._own_studies)]
        self.arrived.extend(entries)
        names = Counter(row.kind.__tablename__ for row in new)
        studies = frozenset(row.values["study_id"] for row in new if row.kind is SessionRow)
        self._count(Delivered(dict(names), len(rows) - len(new), studies=studies))

    def _count(self, more: Delivered) -> None:
        self.done = self.done.plus(more)

    def _read(self, keys: Sequence[tuple[str, Key]], with_parents: bool) -> list[SiteRow]:
        """Before the farm is asked for anything, so that an error is of one ledger or of the other."""
        folders = (self._site.place.folder, self._farm.place.folder)
        with self._site.snapshot() as connection:
            found = (read_row(connection, kind, key, *folders) for kind, key in keys)
            rows = [row for row in found if row is not None]
        if with_parents:
            parents = list(dict.fromkeys(parent for row in rows for parent in row.parents))
            rows = [*(self._read(parents, with_parents) if parents else ()), *rows]
        return rows


def _of_a_row(error: LedgerError) -> bool:
    """Whether the farm does not take what a row says, which time does not heal."""
    cause = error.__cause__
    if isinstance(cause, DBAPIError):
        return isinstance(cause, IntegrityError | DataError)
    return isinstance(error, NotTaken) or cause is not None
