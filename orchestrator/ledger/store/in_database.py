"""Files in the ledger's own database, in parts: the store of a farm that named no other."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import delete, func, select, update

from orchestrator.errors import StoreError
from orchestrator.ledger import database
from orchestrator.ledger.farm_tables import BlobPartRow
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.store.base import FRESH_S, Held, absent, digest_of

# A transaction for each: a cut link costs one of them, and others get their turn between two.
PART_BYTES = 1 << 20


class DatabaseStore:
    """The last part is written when the hash of all of them is right: without it the file is not there."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.place = f"the database of {ledger.place}"

    def has(self, sha256: str) -> bool:
        columns = (func.count().label("there"), func.max(BlobPartRow.parts).label("parts"))
        row = self._ledger.fetch(select(*columns).where(BlobPartRow.sha256 == sha256))[0]
        return bool(row.there and row.there == row.parts)

    def put(self, path: Path) -> str:
        sha256, size = digest_of(path)
        parts = max(1, -(-size // PART_BYTES))
        there = self._parts_there(sha256)
        if len(there) == parts:
            self._refresh(sha256)
            return sha256
        digest = hashlib.sha256()
        with path.open("rb") as file:
            for part in range(parts):
                blob = file.read(PART_BYTES)
                digest.update(blob)
                if part == parts - 1 and digest.hexdigest() != sha256:
                    self.delete(sha256)
                    raise StoreError(f"{path} changed while it was read", hint="run the same command again")
                if part not in there:
                    self._insert(sha256, part, parts, size, blob)
        return sha256

    def read(self, sha256: str, start: int) -> Iterator[bytes]:
        if not self.has(sha256):
            raise absent(sha256, self.place)
        part, skipped = divmod(start, PART_BYTES)
        while True:
            wanted = select(BlobPartRow.blob, BlobPartRow.parts)
            found = self._ledger.fetch(wanted.where(BlobPartRow.sha256 == sha256, BlobPartRow.part == part))
            if not found:
                return
            yield bytes(found[0].blob)[skipped:]
            part, skipped = part + 1, 0

    def held(self) -> Iterator[Held]:
        """What was half put among them: it may be pruned, too."""
        newest = func.max(BlobPartRow.put_utc_s).label("put_utc_s")
        columns = (BlobPartRow.sha256, func.max(BlobPartRow.size_bytes).label("size_bytes"), newest)
        for row in self._ledger.fetch(select(*columns).group_by(BlobPartRow.sha256)):
            yield Held(row.sha256, row.size_bytes, row.put_utc_s)

    def delete(self, sha256: str) -> None:
        with self._ledger.transaction(f"blob {sha256}") as connection:
            connection.execute(delete(BlobPartRow).where(BlobPartRow.sha256 == sha256))

    def _parts_there(self, sha256: str) -> frozenset[int]:
        return frozenset(
            row.part for row in self._ledger.fetch(select(BlobPartRow.part).where(BlobPartRow.sha256 == sha256))
        )

    def _insert(self, sha256: str, part: int, parts: int, size: int, blob: bytes) -> None:
        with self._ledger.transaction(f"blob {sha256}") as connection:
            values = {"sha256": sha256, "part": part, "parts": parts, "size_bytes": size, "blob": blob}
            # Another may have sent the same file just now.
            database.insert_absent(connection, BlobPartRow, {**values, "put_utc_s": database.now_s(connection)})

    def _refresh(self, sha256: str) -> None:
        """Somebody wants it: whoever prunes leaves it."""
        with self._ledger.transaction(f"blob {sha256}") as connection:
            now_s = database.now_s(connection)
            old = (BlobPartRow.sha256 == sha256, BlobPartRow.put_utc_s < now_s - FRESH_S / 2)
            connection.execute(update(BlobPartRow).where(*old).values(put_utc_s=now_s))
