"""Progress on the terminal: on stderr, so that stdout holds only results."""

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn


class TerminalProgress:
    """A bar per stage with what runs now; a plain line per stage where stderr is not a terminal."""

    def __init__(self) -> None:
        self._console = Console(file=sys.stderr)
        self._bars = Progress(
            SpinnerColumn(finished_text="[green]done"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[now]}", style="dim"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task: TaskID | None = None
        self._steps = 0
        self._taken = 0
        self._started_s = time.monotonic()

    def __enter__(self) -> "TerminalProgress":
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._finish_stage()
        self._bars.stop()

    def stage(self, name: str, *, steps: int, expected_s: float | None = None) -> None:
        self._finish_stage()
        about = f" (about {_duration(expected_s)})" if expected_s else ""
        self._steps, self._taken = steps, 0
        if not self._console.is_terminal:
            elapsed = _duration(time.monotonic() - self._started_s)
            self._console.print(
                f"[{elapsed}] {name}: {steps} {'step' if steps == 1 else 'steps'}{about}", markup=False, highlight=False
            )
        self._task = self._bars.add_task(f"{name}{about}", total=steps, now="")

    def step(self, what: str) -> None:
        if self._task is not None:
            self._bars.update(self._task, completed=min(self._taken, self._steps), now=what)
            self._taken += 1

    def note(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False)

    def _finish_stage(self) -> None:
        if self._task is not None:
            self._bars.update(self._task, completed=self._steps, now="")


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"
