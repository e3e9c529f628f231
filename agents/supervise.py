"""Starts a session detached from whoever asked for it, and watches over it: progress, time limit, sudden death.

Three processes: the watchdog (this module), the session, the sampler. The watchdog imports no numpy and runs no
model; it writes the progress events, so that the measured loop writes nothing.
"""

import mmap
import os
import select
import signal
import sys
import time
import traceback
from typing import Callable, NoReturn, Optional, Tuple

from agents import strict_json, wire
from agents.claim import SessionFolder
from agents.ending import how_it_ended, lost
from agents.links import Links
from agents.store import Store

PROGRESS_S = 0.25


def launch(store: Store, folder: SessionFolder, spec: wire.RunSpec, lock_fd: int) -> int:
    """Start the session in a process of its own; returns a descriptor that becomes readable when it has ended."""
    ended_read, ended_write = os.pipe()
    child = os.fork()
    if not child:
        _then_exit(lambda: _detach_and_watch(store, folder, spec, (lock_fd, ended_write)))
    os.close(ended_write)
    os.close(lock_fd)
    os.waitpid(child, 0)
    return ended_read


def _detach_and_watch(store: Store, folder: SessionFolder, spec: wire.RunSpec, keep: Tuple[int, ...]) -> None:
    os.setsid()
    if os.fork():
        return
    _redirect(folder.log)
    _close_all_but(keep)
    _Watchdog(store, folder, spec).run()


class _Watchdog:
    def __init__(self, store: Store, folder: SessionFolder, spec: wire.RunSpec) -> None:
        self._store, self._folder, self._spec = store, folder, spec
        self._shared = memoryview(mmap.mmap(-1, 16)).cast("Q")
        self._reported = 0
        self._total = spec.chunk_count or sum(-(-span.count // spec.chunk_samples) for span in spec.spans)

    def run(self) -> None:
        deadline_s = time.monotonic() + self._spec.timeout_s
        ended_read, ended_write = os.pipe()
        stop_read, stop_write = os.pipe()
        done_read, done_write = os.pipe()
        links = Links(self._shared, stop_write, done_read) if self._spec.sampler_hz else Links(self._shared)
        session = _fork(lambda: self._session(links, (ended_read, stop_read, done_write)))
        sampler = None
        if self._spec.sampler_hz:
            sampler = _fork(lambda: self._sample(session, stop_read, done_write))
        for fd in (ended_write, stop_read, stop_write, done_read, done_write):
            os.close(fd)
        reason = self._watch(session, ended_read, deadline_s)
        if reason is not None and self._folder.journal.last_event() is None:
            self._close(reason)
        if sampler is not None:
            os.waitpid(sampler, 0)

    def _session(self, links: Links, foreign: Tuple[int, ...]) -> None:
        os.setpgid(0, 0)
        for fd in foreign:
            os.close(fd)
        from agents.session import main

        main(self._store, self._folder, self._spec, links)

    def _sample(self, session: int, stop_read: int, done_write: int) -> None:
        _close_all_but((stop_read, done_write))
        from agents.sampler import main

        main(self._folder.samples, session, self._spec.sampler_hz, self._spec.seed, stop_read)

    def _watch(self, session: int, ended_read: int, deadline_s: float) -> Optional[str]:
        """Wait for the session; None where it ended by itself with exit code 0, else how it ended."""
        while not select.select([ended_read], [], [], PROGRESS_S)[0]:
            self._progress()
            if time.monotonic() > deadline_s:
                os.killpg(session, signal.SIGKILL)
                os.waitpid(session, 0)
                return (
                    f"the session did not end within timeout_s={self._spec.timeout_s:g} and was killed "
                    f"at chunk {self._shared[0]} of {self._total}: raise timeout_s or feed fewer chunks"
                )
        _, status = os.waitpid(session, 0)
        return how_it_ended(status)

    def _progress(self) -> None:
        done = self._shared[0]
        if done != self._reported:
            self._reported = done
            try:
                data = {"done": done, "total": self._total}
                self._folder.journal.append("progress", data, sync=False, unless=lambda: bool(self._shared[1]))
            except OSError:
                traceback.print_exc()  # A missing progress event must not end a session.

    def _close(self, reason: str) -> None:
        result = lost(self._folder, reason)
        self._folder.journal.append_last("failed", {"result": strict_json.to_json(result)})


def _fork(work: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        _then_exit(work)
    return child


def _then_exit(work: Callable[[], None]) -> NoReturn:
    """Run ``work`` in a forked child and end it without the parent's clean-up."""
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _redirect(log: str) -> None:
    """stdin from nothing, stdout and stderr to the log: a stray print cannot reach the wire."""
    null = os.open(os.devnull, os.O_RDONLY)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for source, target in ((null, 0), (out, 1), (out, 2)):
        os.dup2(source, target)
    sys.stdout = sys.stderr


def _close_all_but(keep: Tuple[int, ...]) -> None:
    for low, high in zip((2, *sorted(keep)), (*sorted(keep), 4096)):
        os.closerange(low + 1, high)
