"""Keeps exporters from talking to the user's terminal, and keeps what they said."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator


class _Collector(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(record.getMessage())


@contextlib.contextmanager
def captured() -> Iterator[list[str]]:
    """While it lasts, warnings and log records of this process go into the list that it yields; prints go nowhere.

    Not for threads: warnings and logging are the whole process's. onnxruntime's native log is silenced for good
    instead (its sessions here are opened with severity 4).
    """
    lines: list[str] = []
    root, handler = logging.getLogger(), _Collector(lines)
    before, propagating = list(root.handlers), root.level
    root.handlers = [handler]
    printed = io.StringIO()
    try:
        with (
            warnings.catch_warnings(record=True) as caught,
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
        ):
            warnings.simplefilter("always")
            yield lines
    finally:
        root.handlers = before
        root.setLevel(propagating)
        lines += [str(w.message) for w in caught]


def worth_keeping(lines: list[str], limit: int = 5) -> tuple[str, ...]:
    """Distinct first lines, without advice that does not concern the artifact."""
    advice = ("please consider", "deprecat")
    distinct = dict.fromkeys(line.strip().splitlines()[0] for line in lines if line.strip())
    return tuple(line[:200] for line in distinct if not any(a in line.lower() for a in advice))[:limit]
