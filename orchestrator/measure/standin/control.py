"""How other processes speak to the one that holds a lab of stand-ins: one JSON line each way on a Unix socket."""

import contextlib
import fcntl
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from orchestrator.errors import BadInput, DeviceNotReady, EarshotError

SOCKET, LOCK = "lab.sock", "lab.lock"
# A reboot takes as long as the daemons of the device do.
ANSWER_TIMEOUT_S = 60.0
_NEXT = "earshot lab up starts one"

Verbs = dict[str, Callable[..., Any]]


@contextlib.contextmanager
def _short_name(folder: Path) -> Iterator[str]:
    """The socket's path: a Unix socket takes 107 bytes and no more, wherever the folder lies."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET}"
    finally:
        os.close(descriptor)


class Server:
    """Answers with what ``verbs[verb](**arguments)`` returns, until ``stop`` is set. Who asks earlier waits."""

    def __init__(self, folder: Path) -> None:
        """Raises DeviceNotReady where another process holds the lab of this folder."""
        self.stop = threading.Event()
        lock = taken(folder)
        if lock is None:
            raise DeviceNotReady(
                f"a lab is up in {folder}", hint="earshot lab down ends it; --folder makes another one"
            )
        self._lock, self._path = lock, folder / SOCKET
        self._path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX)
        with _short_name(folder) as name:
            self._socket.bind(name)
        self._socket.listen(8)
        self._socket.settimeout(0.5)

    def serve(self, verbs: Verbs) -> None:
        while not self.stop.is_set():
            try:
                connection, _ = self._socket.accept()
            except TimeoutError:
                continue
            with connection, contextlib.suppress(OSError):
                connection.settimeout(5.0)
                with connection.makefile("rb") as lines:
                    line = lines.readline()
                connection.sendall(json.dumps(_answer(verbs, line)).encode() + b"\n")

    def close(self) -> None:
        self._socket.close()
        self._path.unlink(missing_ok=True)
        self._lock.close()


def _answer(verbs: Verbs, line: bytes) -> dict[str, Any]:
    try:
        order = json.loads(line)
        return {"answer": verbs[order["verb"]](**order["arguments"])}
    except EarshotError as exc:
        kind = "BadInput" if isinstance(exc, BadInput) else "DeviceNotReady"
        return {"error": exc.message, "hint": exc.hint, "kind": kind}
    except (ValueError, KeyError, TypeError) as exc:
        return {"error": str(exc), "hint": None, "kind": "BadInput"}


def ask(folder: Path, verb: str, **arguments: Any) -> Any:
    """The lab's answer. Raises DeviceNotReady where no lab answers, and what the verb raises there."""
    try:
        with _short_name(folder) as name, socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_TIMEOUT_S)
            connection.connect(name)
            connection.sendall(json.dumps({"verb": verb, "arguments": arguments}).encode() + b"\n")
            with connection.makefile("rb") as lines:
                line = lines.readline()
    except OSError as exc:
        raise DeviceNotReady(f"no lab is up in {folder}", hint=_NEXT) from exc
    if not line:
        raise DeviceNotReady(f"the lab in {folder} ended", hint=_NEXT)
    answer = json.loads(line)
    if "error" in answer:
        kind = BadInput if answer["kind"] == "BadInput" else DeviceNotReady
        raise kind(answer["error"], hint=answer["hint"])
    return answer["answer"]


def taken(folder: Path) -> IO[str] | None:
    """The lock of the folder's lab, to be closed by the caller; None where another process has it."""
    file = (folder / LOCK).open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
