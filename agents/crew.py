"""Processes that serve a stream each, beside each other: forked by the session, ended with it, heard through pipes.

Each says lines of JSON, and waits for a word where all must be ready. Times are in shared memory.
"""

import contextlib
import json
import mmap
import os
import select
import signal
from functools import partial
from typing import Any, Callable, Dict, Iterable, List, NoReturn, Optional, Sequence

import numpy as np
from numpy.typing import NDArray

from agents import wire
from agents.clock import die_with_parent
from agents.ending import how_it_ended
from agents.failure import Failure, log_traceback

_POLL_S = 0.1
_WORD = 8
# What a process says last.
FAILED = "failed"


class Line:
    """One process's side of its pipes."""

    def __init__(self, say_fd: int, hear_fd: int) -> None:
        self._say_fd, self._hear_fd = say_fd, hear_fd

    def say(self, kind: str, data: Any) -> None:
        """Raises BrokenPipeError where the session has ended."""
        view = memoryview((json.dumps([kind, data]) + "\n").encode())
        while view:
            view = view[os.write(self._say_fd, view) :]

    def wait_for_word(self) -> int:
        """The number that the session told: when the stream begins, ns; later, that all have ended."""
        word = os.read(self._hear_fd, _WORD)
        if len(word) < _WORD:
            raise Failure("killed", "the session ended before its streams")
        return int.from_bytes(word, "little", signed=True)


class _Member:
    """One process as the session sees it."""

    def __init__(self, pid: int, hear_fd: int, tell_fd: int) -> None:
        self.pid, self.hear_fd, self.tell_fd = pid, hear_fd, tell_fd
        self.said: Dict[str, Any] = {}
        self._rest = b""
        self._ended = False

    def hear(self) -> bool:
        """Read what it says; False at its end."""
        data = os.read(self.hear_fd, 1 << 16)
        *lines, self._rest = (self._rest + data).split(b"\n")
        self.said.update(json.loads(line) for line in lines)
        return bool(data)

    def is_dead(self) -> bool:
        """True where it has ended and all that it said was heard, also where something that it forked holds its pipe
        open. It is not reaped.
        """
        ended = self._ended or os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        return ended and not _readable([self.hear_fd], 0.0)

    def end(self, by_itself: bool = False) -> Optional[str]:
        """Reap the process, killed unless it ended ``by_itself``; None for a good end."""
        if self._ended:
            return None
        self._ended = True
        if not by_itself:
            os.kill(self.pid, signal.SIGKILL)
        return how_it_ended(os.waitpid(self.pid, 0)[1], "its process")


class Crew:
    """``streams`` processes that run ``work(number, line)``; use it in a ``with`` block, whose end ends them all.

    ``times`` int64, shape (streams, chunks, 5), is shared with them.
    """

    def __init__(self, streams: int, chunks: int, work: Callable[[int, Line], None]) -> None:
        self._work = work
        self._members: List[_Member] = []
        self.times = _shared_times(streams, chunks)

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *error: object) -> None:
        for member in self._members:
            os.close(member.hear_fd)
            os.close(member.tell_fd)
        for member in self._members:
            member.end()

    def add(self, count: int) -> None:
        """Start ``count`` processes more. Raises Failure where the device does not let that many be."""
        for number in range(len(self._members), len(self._members) + count):
            try:
                self._members.append(self._start(number))
            except OSError as error:
                reason = f"stream {number + 1} of {len(self.times)} cannot be started: {error.strerror}"
                raise Failure("internal", f"{reason}; the device lets no more processes or open files be") from error

    def _start(self, number: int) -> _Member:
        fds: List[int] = []
        try:
            fds += os.pipe()
            fds += os.pipe()
            pid = os.fork()
        except OSError:
            _close(fds)
            raise
        hear, say, listen, tell = fds
        if pid == 0:
            # Only its own ends: another one's death must be seen although this one lives.
            _close([hear, tell, *(fd for member in self._members for fd in (member.hear_fd, member.tell_fd))])
            _serve(partial(self._work, number), Line(say, listen))
        _close([say, listen])
        return _Member(pid, hear, tell)

    def tell(self, numbers: Sequence[int]) -> None:
        """A number for each, in order."""
        for member, number in zip(self._members, numbers):
            with contextlib.suppress(BrokenPipeError):  # It has ended; what it said tells why.
                os.write(member.tell_fd, number.to_bytes(_WORD, "little", signed=True))

    def all_say(self, kind: str) -> List[Any]:
        """What each says of that kind, waited for.

        Raises Failure as soon as one of them fails or dies: its kind and reason, with the stream's number.
        """
        waiting = {member.hear_fd: number for number, member in enumerate(self._members) if kind not in member.said}
        while waiting:
            heard = _readable(waiting, _POLL_S)
            for fd in heard or [fd for fd, number in waiting.items() if self._members[number].is_dead()]:
                number = waiting[fd]
                member = self._members[number]
                alive = fd in heard and member.hear()
                self._raise_failure(number, member, dead=not alive and kind not in member.said)
                if kind in member.said:
                    del waiting[fd]
        return [member.said[kind] for member in self._members]

    def _raise_failure(self, number: int, member: _Member, dead: bool) -> None:
        which = f"stream {number + 1} of {len(self.times)}"
        if FAILED in member.said:
            kind, reason = member.said[FAILED]
            raise Failure(kind, f"{which}: {reason}")
        if dead:
            raise Failure("killed", f"{which}: {member.end(by_itself=True) or 'its process ended without a word'}")


def _readable(fds: Iterable[int], timeout_s: float) -> List[int]:
    """Those with something to read, or at their end. Not select(2), which knows no descriptor above 1023."""
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    return [fd for fd, _ in poll.poll(timeout_s * 1e3)]


def _serve(work: Callable[[Line], None], line: Line) -> NoReturn:
    """A process's whole life after the fork."""
    die_with_parent(signal.SIGKILL)
    code = 1
    try:
        _tell_failure(work, line)
        code = 0
    except BaseException:
        log_traceback()
    finally:
        os._exit(code)


def _tell_failure(work: Callable[[Line], None], line: Line) -> None:
    try:
        work(line)
    except Failure as error:
        line.say(FAILED, [error.kind, error.reason])
    except Exception as error:
        log_traceback()
        line.say(FAILED, ["internal", f"{type(error).__name__}: {error}; the traceback is in session.log"])


def _shared_times(streams: int, chunks: int) -> NDArray[np.int64]:
    """Zeros that this process and those forked from it see alike."""
    shape = (streams, chunks, len(wire.TIME_COLUMNS))
    return np.frombuffer(mmap.mmap(-1, 8 * int(np.prod(shape))), dtype=np.int64).reshape(shape)


def _close(fds: Iterable[int]) -> None:
    for fd in fds:
        os.close(fd)
