"""Starts a session detached from whoever asked for it, and watches over it: progress, time limit, sudden death.

Three processes: the watchdog (this module), the session, the sampler. The watchdog imports no numpy and runs no
model; it writes the progress events, so that the measured loop writes nothing.
"""

import contextlib
import mmap
import os
import select
import signal
import sys
import time
from dataclasses import replace
from typing import Callable, NoReturn, Optional, Tuple

from agents import leftovers, scheduling, strict_json, wire
from agents.claim import SessionFolder
from agents.ending import how_it_ended, lost
from agents.failure import log_traceback
from agents.links import DONE, ENDING, STARTED_NS, STREAMS, WATCHDOG_CPU_NS, WATCHDOG_RSS, Links, shared_bytes
from agents.phases import phases_ns
from agents.store import Store
from agents.sysfs import rss_bytes

PROGRESS_S = 0.25
# The sampler answers within one interval; one that does not hangs in a sensor.
SAMPLER_PATIENCE_S = 5.0


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
    leftovers.adopt_orphans()
    try:
        leftovers.write_owner(keep[0])
    except OSError:
        log_traceback()  # The disk is full: the session will say so.
    _Watchdog(store, folder, spec, keep).run()


class _Watchdog:
    """``held``: descriptors that tell others, by being open, that the session lives."""

    def __init__(self, store: Store, folder: SessionFolder, spec: wire.RunSpec, held: Tuple[int, ...]) -> None:
        self._store, self._folder, self._spec, self._held = store, folder, spec, held
        self._shared = memoryview(mmap.mmap(-1, shared_bytes(spec.streams))).cast("Q")
        self._reported: Tuple[int, Optional[int]] = (0, None)
        spans = sum(-(-span.count // spec.chunk_samples) for span in spec.spans)
        self._total = spec.chunk_count * spec.streams or spans
        chunk_ns = spec.chunk_samples * 1_000_000_000 // spec.contract.sample_rate_hz
        self._phases_ns = phases_ns(spec.streams, chunk_ns, spec.seed) if spec.mode == "multi" else [0]

    def run(self) -> None:
        deadline_s = time.monotonic() + self._spec.timeout_s
        ended_read, ended_write = os.pipe()
        stop_read, stop_write = os.pipe()
        done_read, done_write = os.pipe()
        links = Links(self._shared, stop_write, done_read) if self._spec.sampler_hz else Links(self._shared)
        session = _fork(lambda: self._session(links, (ended_read, stop_read, done_write), (*self._held, ended_write)))
        sampler = None
        if self._spec.sampler_hz:
            sampler = _fork(lambda: self._sample(session, stop_read, done_write))
        _close((ended_write, stop_read, stop_write, done_read, done_write))
        reason = self._watch(session, ended_read, deadline_s)
        leftovers.end_children(spare=sampler)
        if reason is not None and self._folder.journal.last_event() is None:
            self._close(reason)
        if sampler is not None:
            _wait_at_most(sampler, SAMPLER_PATIENCE_S)
            leftovers.end_children(spare=None)

    def _session(self, links: Links, foreign: Tuple[int, ...], held: Tuple[int, ...]) -> None:
        os.setpgid(0, 0)
        _close(foreign)
        # What a runtime forks is not the session: it must not look alive because of it.
        os.register_at_fork(after_in_child=lambda: _close(held))
        os.environ[leftovers.MARK] = self._folder.path
        refused = scheduling.arrange(self._spec.affinity, self._spec.priority)
        # numpy starts threads when it is imported; they inherit what was arranged.
        from agents.session import main

        main(self._store, self._folder, self._spec, links, refused)

    def _sample(self, session: int, stop_read: int, done_write: int) -> None:
        _close_all_but((stop_read, done_write))
        from agents.sampler import main

        main(self._folder.samples, session, self._spec.sampler_hz, self._spec.seed, stop_read, self._store.root)

    def _watch(self, session: int, ended_read: int, deadline_s: float) -> Optional[str]:
        """Wait for the session; None where it ended by itself with exit code 0, else how it ended."""
        self._own_cost()
        while True:
            # Its end closes the descriptor, but a process that the runtime has forked may hold it open.
            if select.select([ended_read], [], [], PROGRESS_S)[0]:
                time.sleep(0.001)
            ended, status = os.waitpid(session, os.WNOHANG)
            if ended:
                return how_it_ended(status)
            if self._spec.progress_events:
                self._progress()
            self._own_cost()
            reason = self._must_end(deadline_s)
            if reason is not None:
                os.killpg(session, signal.SIGKILL)
                os.waitpid(session, 0)
                return reason

    def _must_end(self, deadline_s: float) -> Optional[str]:
        at = f"at chunk {self._done()} of {self._total}"
        asked = self._folder.asked_to_end()
        if asked is not None:
            return f"the session was ended {at}: {asked}"
        if time.monotonic() > deadline_s:
            return (
                f"the session did not end within timeout_s={self._spec.timeout_s:g} and was killed {at}: "
                "raise timeout_s or feed fewer chunks"
            )
        return None

    def _done(self) -> int:
        return self._shared[DONE] + sum(self._shared[STREAMS:])

    def _backlog(self, done: int) -> Optional[int]:
        """Chunks that have arrived and are not done, by the schedule; None before and without a paced stream."""
        started_ns = self._shared[STARTED_NS]
        if not started_ns:
            return None
        since_ns = time.monotonic_ns() - started_ns
        rate, samples_ns = self._spec.contract.sample_rate_hz, self._spec.chunk_samples * 1_000_000_000
        most = self._total // len(self._phases_ns)
        arrived = sum(max(0, min(most, (since_ns - phase) * rate // samples_ns)) for phase in self._phases_ns)
        return max(0, arrived - done)

    def _own_cost(self) -> None:
        self._shared[WATCHDOG_CPU_NS] = time.process_time_ns()
        with contextlib.suppress(OSError):
            self._shared[WATCHDOG_RSS] = rss_bytes("/proc/self")

    def _progress(self) -> None:
        done = self._done()
        backlog = self._backlog(done)
        if (done, backlog) != self._reported:
            self._reported = done, backlog
            try:
                data = {"done": done, "total": self._total, "backlog": backlog}
                self._folder.journal.append("progress", data, sync=False, unless=lambda: bool(self._shared[ENDING]))
            except OSError:
                log_traceback()  # A missing progress event must not end a session.

    def _close(self, reason: str) -> None:
        result = lost(self._folder, reason)
        if self._folder.asked_to_end() is not None:
            result = replace(result, failure="fenced")
        self._folder.journal.append_last("failed", {"result": strict_json.to_json(result)})


def _fork(work: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        _then_exit(work)
    return child


def _wait_at_most(child: int, timeout_s: float) -> None:
    give_up_s = time.monotonic() + timeout_s
    while os.waitpid(child, os.WNOHANG)[0] == 0 and time.monotonic() < give_up_s:
        time.sleep(0.005)


def _then_exit(work: Callable[[], None]) -> NoReturn:
    """Run ``work`` in a forked child and end it without the parent's clean-up."""
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        log_traceback()
    finally:
        with contextlib.suppress(OSError, ValueError):  # What a runtime has printed may not fit on the disk.
            sys.stderr.flush()
        os._exit(code)


def _redirect(log: str) -> None:
    """stdin from nothing, stdout and stderr to the log: a stray print cannot reach the wire."""
    null = os.open(os.devnull, os.O_RDONLY)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for source, target in ((null, 0), (out, 1), (out, 2)):
        os.dup2(source, target)
    sys.stdout = sys.stderr


def _close(fds: Tuple[int, ...]) -> None:
    for fd in fds:
        os.close(fd)


def _close_all_but(keep: Tuple[int, ...]) -> None:
    for low, high in zip((2, *sorted(keep)), (*sorted(keep), 4096)):
        os.closerange(low + 1, high)
