"""A worker of a simulated farm, as a process: real leases, executor, delivery and ledger; its devices are twins."""

import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from orchestrator.domain.job import SESSION, device_queue
from orchestrator.errors import EarshotError
from orchestrator.ledger.delivery import deliver
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.place import Place
from orchestrator.ledger.spool import begin_spool, newest_entry
from orchestrator.ledger.workers import announce, begin_worker, end_worker
from orchestrator.measure.farm.twins import nouns
from orchestrator.measure.farm.twins.device import World
from orchestrator.measure.farm.twins.stream import Workload
from orchestrator.workflows.simulation.executor import executor_named
from orchestrator.workflows.simulation.plan import candidates
from orchestrator.workflows.simulation.seat import TwinHandler, TwinSeat

# Through the pipe come READY, TOLD with ``Told``, and ENDED or FAILED with its message; to the worker go GO and STOP.
READY, TOLD, ENDED, FAILED = "ready", "told", "ended", "failed"
GO, STOP = "go", "stop"
_TELL_S = 1.0


@dataclass(frozen=True)
class WorkerTask:
    """``folder``: of its site's ledger."""

    farm: Place
    folder: Path
    site: str
    devices: tuple[str, ...]
    works: dict[str, Workload]
    world: World
    executor: str | None


@dataclass(frozen=True)
class Told:
    """``statements`` and ``commits``: sent to the farm's database, and to the site's own."""

    done: int = 0
    farm_statements: int = 0
    farm_commits: int = 0
    site_statements: int = 0

    def plus(self, other: "Told") -> "Told":
        return Told(*(mine + theirs for mine, theirs in zip(_values(self), _values(other), strict=True)))


def _values(told: Told) -> tuple[int, int, int, int]:
    return told.done, told.farm_statements, told.farm_commits, told.site_statements


def work(task: WorkerTask, pipe: Connection) -> None:
    """Until all jobs of its devices are done, or it is told to stop. What goes wrong is told through the pipe."""
    # Ctrl-C is for whoever started this process, who then tells it to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with ExitStack() as stack:
            _serve(task, pipe, stack)
        pipe.send((ENDED, None))
    except EarshotError as exc:
        pipe.send((FAILED, f"{exc.message}{f' ({exc.hint})' if exc.hint else ''}"))
        sys.exit(exc.exit_code)


def _serve(task: WorkerTask, pipe: Connection, stack: ExitStack) -> None:
    counted = _counted()
    farm = stack.enter_context(Ledger.at(task.farm, create=False))
    site, bring = farm, None
    if farm.place.file is None:
        site = stack.enter_context(Ledger.open(task.folder / "ledger.db"))
        begin_spool(site)
        bring = _Delivery(site, farm)
    for model in task.works:
        site.record_artifact(nouns.artifact(model))
    seats = {name: TwinSeat(site, task.world, name) for name in task.devices}
    for seat in seats.values():
        stack.callback(seat.close_if_idle, 0.0)
    announce(farm, task.site, {name: {"tags": ["twin"]} for name in task.devices})
    worker_id = begin_worker(farm, task.site, f"{task.site} simulated", {"devices": len(task.devices)})
    handler = TwinHandler(farm, site, seats, candidates(tuple(task.works)), task.works, bring)
    pipe.send((READY, os.getpid()))
    if pipe.recv() == STOP:
        return
    stop = threading.Event()
    watch = threading.Thread(target=_watch, args=(pipe, handler, seats, counted, stop), daemon=True)
    watch.start()
    executor_named(task.executor, farm, task.world.speed).serve(
        worker_id, [device_queue(name) for name in task.devices], {SESSION: handler}, stop, until_idle=True
    )
    stop.set()
    watch.join()
    end_worker(farm, worker_id)


class _Delivery:
    def __init__(self, site: Ledger, farm: Ledger) -> None:
        self._site, self._farm = site, farm
        self._turn = threading.Semaphore()

    def __call__(self) -> None:
        # As ``workflows/farm_site.py`` does it.
        newest = newest_entry(self._site)
        with self._turn:
            deliver(self._site, self._farm, through=newest)


def _watch(
    pipe: Connection,
    handler: TwinHandler,
    seats: Mapping[str, TwinSeat],
    counted: dict[str, int],
    stop: threading.Event,
) -> None:
    """Tells how far it is and gives idle twins back, until the work or whoever started it has ended it."""
    while True:
        try:
            pipe.send((TOLD, _told(handler, counted)))
            if stop.is_set():
                return
            if pipe.poll(_TELL_S) and pipe.recv() == STOP:
                stop.set()
        except (OSError, EOFError):
            # Nobody is there to be told.
            stop.set()
            return
        for seat in seats.values():
            seat.close_if_idle()


def _told(handler: TwinHandler, counted: dict[str, int]) -> Told:
    return Told(handler.done, counted["postgresql"], counted["postgresql commits"], counted["sqlite"])


def _counted() -> dict[str, int]:
    """Statements of this process by kind of database; grows. Threads may lose one in a million: it is for a mean."""
    counted = {"postgresql": 0, "sqlite": 0, "postgresql commits": 0, "sqlite commits": 0}

    def sent(connection: Any, *_: Any) -> None:
        counted[connection.dialect.name] += 1

    def committed(connection: Any) -> None:
        counted[f"{connection.dialect.name} commits"] += 1

    event.listen(Engine, "before_cursor_execute", sent)
    event.listen(Engine, "commit", committed)
    return counted
