"""A twin's own disk: what ran on it and when, and which lease it knows. Whoever reaches the twin reads and writes it.

One file of JSON lines. Times are CLOCK_MONOTONIC's, which all processes of this machine share.
"""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """A session that was begun. ``from_c`` and ``to_c``: how warm the device was at its begin and is at ``end_s``.
    ``lost_s``: when the way to it was lost, until ``back_s``; None: it was not. ``cut_s``: when a newer lease ended it;
    None: it went on to ``end_s``.
    """

    session_id: str
    token: int
    begin_s: float
    end_s: float
    from_c: float
    to_c: float
    lost_s: float | None = None
    back_s: float | None = None
    cut_s: float | None = None

    @property
    def until_s(self) -> float:
        return self.end_s if self.cut_s is None else self.cut_s

    def away_at(self, at_s: float) -> bool:
        return self.lost_s is not None and self.back_s is not None and self.lost_s <= at_s < self.back_s


@dataclass(frozen=True)
class Cut:
    """The last run ended at ``at_s``, because a newer lease began another session."""

    at_s: float


class Journal:
    """``runs``: those that are known since the last ``opened``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.runs: list[Run] = []
        self._read = 0

    @contextmanager
    def opened(self) -> "Iterator[Journal]":
        """Nobody else has it within the block."""
        with self.path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(self._read)
            for line in file.read().splitlines():
                self._take(json.loads(line))
            self._file = file
            yield self
            self._read = file.seek(0, 2)

    def append(self, entry: Run | Cut) -> None:
        """Within ``opened``."""
        record = asdict(entry)
        self._file.write(json.dumps(record).encode() + b"\n")
        self._take(record)

    def _take(self, record: dict[str, float]) -> None:
        if "at_s" in record:
            self.runs[-1] = replace(self.runs[-1], cut_s=record["at_s"])
        else:
            self.runs.append(Run(**record))  # type: ignore[arg-type]

    @property
    def newest_token(self) -> int:
        return max((run.token for run in self.runs), default=0)


def read_runs(path: Path) -> list[Run]:
    """All runs of a twin, in their order; none where nothing ever ran there."""
    if not path.exists():
        return []
    journal = Journal(path)
    with journal.opened():
        return journal.runs
