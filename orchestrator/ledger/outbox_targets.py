"""How far each server has been told what is in the outbox.

Its state is the number up to which it has everything, and the entries that it will never take: so nothing is lost when
it is away, and nothing is counted twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from orchestrator.ledger import database
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.outbox import SCOPE
from orchestrator.ledger.tables import OutboxRefusedRow, OutboxRow, OutboxTargetRow


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
class Waiting:
    """What a server has not been told yet."""

    entries: int
    samples: int
    oldest_ms: int | None


def target(ledger: Ledger, url: str) -> Target:
    """A server that was told nothing is one of number 0."""
    return next((known for known in targets(ledger) if known.url == url), Target(url, 0))


def targets(ledger: Ledger) -> list[Target]:
    found = ledger.fetch(select(OutboxTargetRow.__table__).order_by(OutboxTargetRow.url))
    return [Target(*tuple(row)) for row in found]


def delivered(ledger: Ledger, url: str, what: Delivery, at_utc: str) -> bool:
    """False where another process was faster: it has counted them."""
    with ledger.transaction(SCOPE) as connection:
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
    with ledger.transaction(SCOPE) as connection:
        connection.execute(update(OutboxTargetRow).where(OutboxTargetRow.url == url).values(**_well(at_utc)))


def _well(at_utc: str) -> dict[str, Any]:
    return {"succeeded_utc": at_utc, "failing_since_utc": None, "failure": None}


def failed(ledger: Ledger, url: str, failure: str, at_utc: str) -> None:
    """The last attempt did not go well; since when is kept. A server that never took anything has no state."""
    with ledger.transaction(SCOPE) as connection:
        since = func.coalesce(OutboxTargetRow.failing_since_utc, at_utc)
        changed = update(OutboxTargetRow).where(OutboxTargetRow.url == url)
        connection.execute(changed.values(failing_since_utc=since, failure=failure))


def forget(ledger: Ledger, url: str) -> bool:
    """A server that is no more; told anew, it would get everything. False where it is not known."""
    with ledger.transaction(SCOPE) as connection:
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
