"""A child process that lives exactly as long as its owner: it ends with its stdin, which the kernel closes for us."""

import contextlib
import os
import select
import subprocess
import time
from collections.abc import Sequence

from orchestrator.errors import DeviceNotReady

ANSWER_TIMEOUT_S = 20.0
# It has no reason to wait for anything.
ENDING_TIMEOUT_S = 5.0
LONGEST_COMPLAINT = 500


class HeldProcess:
    """Answers each line on its stdin with one line. No signal of our terminal reaches it."""

    def __init__(self, argv: Sequence[str], *, what: str) -> None:
        """``what``: how errors call it."""
        self._what = what
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def ask(self, line: str, *, timeout_s: float = ANSWER_TIMEOUT_S) -> str:
        """Its answer. Raises DeviceNotReady with the last line of its stderr where it gives none."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode() + b"\n")
        except BrokenPipeError:
            return self._failed("has ended")
        answer = self._line(time.monotonic() + timeout_s)
        return answer if answer is not None else self._failed(f"gave no answer to {line[:80]!r}")

    def _line(self, deadline_s: float) -> str | None:
        assert self._process.stdout is not None
        descriptor, got = self._process.stdout.fileno(), b""
        while not got.endswith(b"\n"):
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline_s - time.monotonic()))
            part = os.read(descriptor, 65536) if ready else b""
            if not part:
                return None
            got += part
        return got.decode().strip()

    def _failed(self, how: str) -> str:
        self._process.kill()
        self._process.wait()
        assert self._process.stderr is not None
        said = self._process.stderr.read().decode(errors="replace").strip().splitlines()
        # The last line of a traceback is what went wrong.
        raise DeviceNotReady(f"{self._what} {how}" + (f": {said[-1][:LONGEST_COMPLAINT]}" if said else ""))

    def close(self) -> None:
        """Ends it, and does not return before it has ended."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(ENDING_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()
