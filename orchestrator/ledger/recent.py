"""How fast a device ran the same thing lately."""

from dataclasses import dataclass

import numpy as np
from sqlalchemy import select

from agents import wire
from orchestrator.ledger import rows
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.tables import ArrayRow, SessionRow

_TIMED = ("paced", "flat-out")


@dataclass(frozen=True)
class Recent:
    """Median service times of a device's newest sessions of one candidate in one mode, ns, oldest first."""

    session_id: str
    recipe: str
    mode: str
    service_ns: tuple[float, ...]


def recent_service(ledger: Ledger, device: str, count: int) -> Recent | None:
    """At most ``count`` sessions like the device's newest timed one that ended well; None where it has none."""
    good = (SessionRow.device == device, SessionRow.outcome == "ok", SessionRow.mode.in_(_TIMED))
    newest_first = (SessionRow.started_utc.desc(), SessionRow.session_id.desc())
    newest = ledger.fetch(select(SessionRow.__table__).where(*good).order_by(*newest_first).limit(1))
    if not newest:
        return None
    like = (*good, SessionRow.candidate_key == newest[0].candidate_key, SessionRow.mode == newest[0].mode)
    arrays = select(ArrayRow.__table__).join(SessionRow).where(*like, ArrayRow.name == "t_ns")
    found = [rows.array_of(row) for row in ledger.fetch(arrays.order_by(*newest_first).limit(count))]
    medians = [float(np.median(t_ns[:, wire.DONE] - t_ns[:, wire.ISSUE])) for t_ns in reversed(found)]
    return Recent(newest[0].session_id, newest[0].recipe, newest[0].mode, tuple(medians))
