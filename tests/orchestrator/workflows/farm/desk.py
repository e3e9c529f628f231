"""A farm on one desk for tests: this machine as its device, a worker in a thread, a ledger in a file."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.domain.job import JobState
from orchestrator.domain.recipe import Recipe
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.orders import jobs
from orchestrator.workflows.farm.events import WorkerEvent
from orchestrator.workflows.farm.order import Asked
from orchestrator.workflows.farm.settings import WorkerSettings
from orchestrator.workflows.farm.submit import RunWish, Submitted, submit_run
from orchestrator.workflows.farm.worker import work

FP32, INT8 = Recipe.parse("onnx:fp32"), Recipe.parse("onnx:int8-dynamic")
ME = Asked("ann")
# No test has a time limit of its own; a worker that stands still must end somehow.
_PATIENCE_S = 600.0


@dataclass
class Desk:
    """``results``: with the model ``mini``."""

    results: Path
    told: list[WorkerEvent] = field(default_factory=list)

    def work(self, stop: threading.Event | None = None) -> None:
        """Until nothing is left, or ``stop``."""
        settings = WorkerSettings("desk", results=self.results, with_local=True, once=stop is None)
        work(settings, self.told.append, stop or threading.Event())

    @contextmanager
    def working(self) -> Iterator[threading.Event]:
        """A worker within the block; it is asked to end, and has ended, after it."""
        stop, ended = threading.Event(), threading.Event()
        errors: list[BaseException] = []

        def run() -> None:
            try:
                self.work(stop)
            except BaseException as exc:
                errors.append(exc)
            ended.set()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield ended
        finally:
            stop.set()
            thread.join(_PATIENCE_S)
        assert not errors, errors

    def until(self, kind: str, order_id: str) -> None:
        """Until the worker told such an event of the order."""
        for _ in range(int(_PATIENCE_S / 0.05)):
            if any(event.kind == kind and event.order_id == order_id and event.where == "local" for event in self.told):
                return
            threading.Event().wait(0.05)
        raise AssertionError(f"no {kind} of {order_id}: {self.told}")

    def submit(
        self,
        *recipes: Recipe,
        runs: int = 1,
        seconds: float = 0.5,
        mode: str = "flat-out",
        quality: bool = False,
    ) -> Submitted:
        wish = RunWish("mini", "local", recipes, mode=mode, seconds=seconds, runs=runs, quality=quality)
        return submit_run(self.results, wish, ME)

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        with Ledger.open(self.results / "ledger.db") as opened:
            yield opened

    def jobs(self, order_id: str) -> list[JobState]:
        with self.ledger() as farm:
            return jobs(farm, order_id=order_id)
