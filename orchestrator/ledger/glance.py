"""A look into a ledger with SQLite alone: SQLAlchemy takes 0.2 s to import, and a device can be reached meanwhile."""

import sqlite3
from contextlib import closing
from pathlib import Path

_LOCKED_S = 0.1
_LEASES = "SELECT count(*) FROM leases WHERE device = ? AND released = 0"
_QUARANTINES = "SELECT count(*) FROM device_health WHERE device = ? AND quarantined_utc IS NOT NULL"


def surely_free(path: Path, device: str) -> bool:
    """Whether the ledger says for certain that nobody has the device and nothing keeps it away; False in any doubt.

    It gives no right to the device: a lease does.
    """
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=_LOCKED_S)) as ledger:
            return all(ledger.execute(query, (device,)).fetchone() == (0,) for query in (_LEASES, _QUARANTINES))
    except sqlite3.Error:
        return False
