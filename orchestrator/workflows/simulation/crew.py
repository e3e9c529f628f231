"""Workers of a simulated farm as processes: started together, watched, killed where that is asked for, ended."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

from orchestrator.errors import EarshotError
from orchestrator.workflows.processor import Usage, usage_of
from orchestrator.workflows.simulation import worker
from orchestrator.workflows.simulation.worker import Told, WorkerTask

_START_S = 600.0
_END_S = 60.0
_SPAWN = multiprocessing.get_context("spawn")


@dataclass
class _Process:
    """One worker, also after it was killed and begun anew. ``before``: what those did that were killed."""

    task: WorkerTask
    process: Any = None
    pipe: Connection | None = None
    told: Told = field(default_factory=Told)
    before: Told = field(default_factory=Told)
    usage: Usage = field(default_factory=Usage)
    usage_before: Usage = field(default_factory=Usage)
    ended: bool = False

    def start(self) -> None:
        self.pipe, other = _SPAWN.Pipe()
        self.process = _SPAWN.Process(target=worker.work, args=(self.task, other), name=self.task.site, daemon=True)
        self.process.start()
        other.close()

    def look(self) -> None:
        self.usage = usage_of(self.process.pid) or self.usage


class Crew:
    """``cpu_before_s``: of all of them, until they were told to go."""

    def __init__(self, tasks: Sequence[WorkerTask], tick_s: float) -> None:
        self._all = [_Process(task) for task in tasks]
        self._tick_s = tick_s
        self.killed = 0
        self.cpu_before_s = 0.0

    def start(self) -> None:
        """All are ready when it returns. Raises EarshotError."""
        for each in self._all:
            each.start()
        for each in self._all:
            self._expect_ready(each)

    def work(self, tick: Callable[[], None]) -> None:
        """Until all have ended; ``tick`` is called again and again. Raises EarshotError where one could not work."""
        self.cpu_before_s = sum(usage.cpu_s for usage in self.usages.values())
        for each in self._all:
            self._send(each, worker.GO)
        while not all(each.ended for each in self._all):
            self._receive(self._tick_s)
            tick()

    def kill(self, number: int) -> None:
        """The number-th one, if it still works: kill -9, and another in its place."""
        each = self._all[number % len(self._all)]
        if each.ended:
            return
        each.look()
        each.process.kill()
        each.process.join()
        self.killed += 1
        each.before, each.told = each.before.plus(each.told), Told()
        each.usage_before, each.usage = each.usage_before.plus(each.usage), Usage()
        each.start()
        self._expect_ready(each)
        self._send(each, worker.GO)

    def end(self) -> None:
        """Those that still work are told to stop, and killed where they do not."""
        for each in self._all:
            if each.process is not None and not each.ended:
                self._send(each, worker.STOP)
        give_up_s = time.monotonic() + _END_S
        for each in self._all:
            if each.process is not None:
                each.process.join(max(0.0, give_up_s - time.monotonic()))
                each.process.kill()
                each.process.join()

    @property
    def told(self) -> Told:
        total = Told()
        for each in self._all:
            total = total.plus(each.before).plus(each.told)
        return total

    @property
    def usages(self) -> dict[str, Usage]:
        """By site."""
        for each in self._all:
            if not each.ended:
                each.look()
        return {each.task.site: each.usage_before.plus(each.usage) for each in self._all}

    def _expect_ready(self, each: _Process) -> None:
        assert each.pipe is not None
        if not each.pipe.poll(_START_S):
            raise EarshotError(f"the worker of {each.task.site} was not ready after {_START_S:g} s")
        kind, what = self._read(each)
        if kind != worker.READY:
            raise EarshotError(f"the worker of {each.task.site} could not begin: {what}")

    def _receive(self, seconds: float) -> None:
        pipes = {each.pipe: each for each in self._all if not each.ended and each.pipe is not None}
        for pipe in wait(list(pipes), seconds):
            each = pipes[pipe]  # type: ignore[index]
            kind, what = self._read(each)
            if kind == worker.TOLD:
                each.told = what
                each.look()
            elif kind == worker.FAILED:
                raise EarshotError(f"the worker of {each.task.site} ended: {what}")
            else:
                each.ended = True

    def _read(self, each: _Process) -> tuple[str, Any]:
        assert each.pipe is not None
        try:
            kind, what = each.pipe.recv()
        except (EOFError, OSError):
            each.process.join(_END_S)
            return worker.FAILED, f"its process ended with code {each.process.exitcode}"
        return kind, what

    def _send(self, each: _Process, word: str) -> None:
        assert each.pipe is not None
        try:
            each.pipe.send(word)
        except OSError:
            # It has ended; what it said last is read by whoever waits for it.
            return
