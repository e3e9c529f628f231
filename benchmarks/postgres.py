"""A PostgreSQL for a benchmark: Debian's programs, on 127.0.0.1, as durable as a farm's."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.postgres import Postgres, postgres

# PostgreSQL's own defaults where nothing is said: fsync, synchronous_commit and full_page_writes are on.
DURABLE = ("max_connections=200", "shared_buffers=1GB", "max_wal_size=4GB", "checkpoint_timeout=15min")


@contextmanager
def durable_postgres(settings: tuple[str, ...] = DURABLE) -> Iterator[Postgres]:
    with postgres(settings) as server:
        yield server
