"""The one exception of a session: what kind of failure, and a message with the next step."""

import contextlib
import os
import traceback

from agents import wire


class Failure(Exception):
    """``kind`` is one of ``wire.FAILURES``; the message says what, where and what to do next."""

    def __init__(self, kind: str, reason: str) -> None:
        if kind not in wire.FAILURES:
            raise ValueError(f"failure must be one of {wire.FAILURES}, got {kind!r}")
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


class Fenced(Exception):
    """Another controller has the device; the message names it."""


def log_traceback() -> None:
    """The traceback of the error being handled to stderr, which is the session's log.

    Past Python's own buffers: on a full disk they would raise once more, at every flush until the end.
    """
    with contextlib.suppress(OSError):
        os.write(2, traceback.format_exc().encode())
