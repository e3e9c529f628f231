"""A simulated farm seen from outside while it works: what its database does and waits for, who uses the processors."""

import os
import time
from collections import Counter
from dataclasses import dataclass

from orchestrator.errors import LedgerError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.server_load import ServerLoad, clock_s, load_of, rows_of, server_process, waiting_for
from orchestrator.workflows.processor import Usage, family_cpu_s, usage_of


@dataclass(frozen=True)
class Seen:
    """At one moment. ``database_cpu_s``: None where it is not on this machine."""

    at_s: float
    farm_utc_s: float
    load: ServerLoad
    rows: dict[str, int]
    database_cpu_s: float | None
    own: Usage


class Watch:
    """``waits``: looks at which a connection waited for this, each connection counted."""

    def __init__(self, farm: Ledger, load_average: float) -> None:
        self._farm = farm
        self.load_before = load_average
        self.waits: Counter[str] = Counter()
        self.looks, self.most_connections = 0, 0
        self.first: Seen | None = None
        self.last: Seen | None = None

    def start(self) -> None:
        self.first = self._seen()

    def stop(self) -> None:
        if self.first is not None:
            self.last = self._seen()

    def look(self) -> None:
        try:
            found = waiting_for(self._farm)
        except LedgerError:
            # It is away just now; the workers say so if it stays away.
            return
        self.waits.update(found)
        self.looks += 1
        self.most_connections = max(self.most_connections, sum(found.values()))

    def sentence(self, done: int) -> str:
        passed_s = time.monotonic() - self.first.at_s if self.first else 0.0
        return f"{done / passed_s:.1f} sessions/s, load {os.getloadavg()[0]:.1f}" if passed_s > 1.0 else ""

    def _seen(self) -> Seen:
        pid = server_process(self._farm)
        return Seen(
            time.monotonic(),
            clock_s(self._farm),
            load_of(self._farm),
            rows_of(self._farm),
            family_cpu_s(pid) if pid else None,
            usage_of(os.getpid()) or Usage(),
        )
