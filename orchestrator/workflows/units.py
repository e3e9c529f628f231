"""Units of one device model that share a study's work: a block runs whole on one unit, the units side by side."""

import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from orchestrator.errors import EarshotError
from orchestrator.workflows.session_runner import SessionRunner

Work = TypeVar("Work")
Answer = TypeVar("Answer")


class Units:
    """``runners``: one for each unit that still answers. A unit that fails is left out from then on, as long as another
    one answers.
    """

    def __init__(self, runners: Sequence[SessionRunner]) -> None:
        if not runners:
            raise ValueError("a study needs a unit")
        self.runners = list(runners)
        self._numbers = {runner.environment.device: number for number, runner in enumerate(runners)}

    @property
    def first(self) -> SessionRunner:
        return self.runners[0]

    @property
    def names(self) -> list[str]:
        return [runner.environment.device for runner in self.runners]

    def number(self, runner: SessionRunner) -> int:
        """Its place among the units that the study began with."""
        return self._numbers[runner.environment.device]

    @property
    def count(self) -> int:
        """Of the units that the study began with."""
        return len(self._numbers)

    def each(self, ask: Callable[[SessionRunner], Answer]) -> dict[str, Answer]:
        """Every unit does the same, side by side: device -> answer. Raises EarshotError where none could."""
        return self.share([[runner] for runner in self.runners], lambda _, own: ask(own[0]))

    def share(self, parts: Sequence[Work], do: Callable[[SessionRunner, Work], Answer]) -> dict[str, Answer]:
        """The i-th unit does the i-th part: device -> answer. Parts without a unit, and those of a unit that failed,
        are left undone. Raises EarshotError where none was done.
        """
        pairs = list(zip(list(self.runners), parts, strict=False))
        if len(self.runners) == 1:
            return {runner.environment.device: do(runner, part) for runner, part in pairs}
        workers = [_Worker(runner, part, do) for runner, part in pairs]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        found = {}
        for worker in workers:
            with contextlib.suppress(EarshotError):
                found[worker.runner.environment.device] = worker.answer()
        self._leave_out([worker for worker in workers if worker.error is not None])
        return found

    def _leave_out(self, failed: Sequence["_Worker[Work, Answer]"]) -> None:
        for worker in failed:
            assert worker.error is not None
            if len(self.runners) == 1:
                raise worker.error
            self.runners.remove(worker.runner)
            name = worker.runner.environment.device
            worker.runner.progress.note(f"{name} is left out from here on: {worker.error.message}")


class _Worker(threading.Thread, Generic[Work, Answer]):
    """A daemon: an interrupted command does not wait for a session that goes on without it anyway."""

    def __init__(self, runner: SessionRunner, part: Work, do: Callable[[SessionRunner, Work], Answer]) -> None:
        super().__init__(name=f"unit {runner.environment.device}", daemon=True)
        self.runner = runner
        self._part, self._do = part, do
        self._answers: list[Answer] = []
        self._bug: BaseException | None = None
        self.error: EarshotError | None = None

    def run(self) -> None:
        try:
            self._answers.append(self._do(self.runner, self._part))
        except EarshotError as exc:
            self.error = exc
        except BaseException as exc:
            self._bug = exc

    def answer(self) -> Answer:
        """Raises its EarshotError, and what was none: a bug."""
        if self._bug is not None:
            raise self._bug
        if self.error is not None:
            raise self.error
        return self._answers[0]
