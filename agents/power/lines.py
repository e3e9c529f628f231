"""A tool of the device that writes a line per interval; only its newest line is of interest."""

import contextlib
import os
import select
import signal
import subprocess
import time
from typing import Sequence

from agents.clock import die_with_parent

_PIECE = 65536
_END_S = 2.0


class Lines:
    """Starts the tool. It ends with ``close``, and with this process however that one ends. Raises OSError."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._name = argv[0]
        # The tool may not outlive a sampler that is killed. This process has one thread, as preexec_fn asks.
        self._process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: die_with_parent(signal.SIGTERM) and None,
        )
        assert self._process.stdout is not None
        self._pipe = self._process.stdout
        os.set_blocking(self._pipe.fileno(), False)
        self._rest = b""

    def newest(self, timeout_s: float) -> str:
        """The newest whole line that was not given out before, with its newline; waits for one.

        Raises OSError where none comes within ``timeout_s`` or the tool has ended.
        """
        give_up_s = time.monotonic() + timeout_s
        while True:
            lines = self._whole_lines()
            if lines:
                return lines[-1].decode(errors="replace") + "\n"
            rest_s = give_up_s - time.monotonic()
            if rest_s <= 0 or not select.select([self._pipe], [], [], rest_s)[0]:
                raise OSError(f"{self._name} gave no line within {timeout_s:g} s")

    def _whole_lines(self) -> Sequence[bytes]:
        data = self._rest
        with contextlib.suppress(BlockingIOError):
            while True:
                piece = os.read(self._pipe.fileno(), _PIECE)
                if not piece and b"\n" not in data:
                    raise OSError(f"{self._name} ended with exit code {self._process.wait(_END_S)}")
                if not piece:
                    break
                data += piece
        *lines, self._rest = data.split(b"\n")
        return lines

    def close(self) -> None:
        """End the tool and wait for it."""
        self._process.terminate()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._pipe.close()
