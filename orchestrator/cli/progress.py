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
        self._started_s = time.monotonic()
        self._stages = _Stages(self._console, self._bars, self._started_s, "")

    def __enter__(self) -> "TerminalProgress":
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._stages.close()
        self._bars.stop()

    def stage(self, name: str, *, steps: int, expected_s: float | None = None) -> None:
        self._stages.stage(name, steps=steps, expected_s=expected_s)

    def step(self, what: str) -> None:
        self._stages.step(what)

    def meter(self, text: str) -> None:
        self._stages.meter(text)

    def note(self, text: str) -> None:
        self._stages.note(text)

    def device(self, name: str) -> "_Stages":
        """Stages of one device among several; each device has a bar and lines of its own."""
        return _Stages(self._console, self._bars, self._started_s, f"{name}: ", one_bar=True)


class _Stages:
    """One row of stages. With ``one_bar`` the last stage's bar becomes the next one's, else each stage keeps its own.

    Of several, each belongs to one thread; the console and the bars take turns by themselves.
    """

    def __init__(
        self, console: Console, bars: Progress, started_s: float, prefix: str, *, one_bar: bool = False
    ) -> None:
        self._console, self._bars, self._started_s, self._prefix = console, bars, started_s, prefix
        self._one_bar = one_bar
        self._task: TaskID | None = None
        self._steps = 0
        self._taken = 0
        self._now = ""

    def stage(self, name: str, *, steps: int, expected_s: float | None = None) -> None:
        self.close()
        about = f" (about {_duration(expected_s)})" if expected_s else ""
        self._steps, self._taken = steps, 0
        if not self._console.is_terminal:
            elapsed = _duration(time.monotonic() - self._started_s)
            self._print(f"[{elapsed}] {self._prefix}{name}: {steps} {'step' if steps == 1 else 'steps'}{about}")
        description = f"{self._prefix}{name}{about}"
        if self._one_bar and self._task is not None:
            self._bars.reset(self._task, total=steps, description=description, now="")
        else:
            self._task = self._bars.add_task(description, total=steps, now="")

    def step(self, what: str) -> None:
        if self._task is not None:
            self._now = what
            self._bars.update(self._task, completed=min(self._taken, self._steps), now=what)
            self._taken += 1

    def meter(self, text: str) -> None:
        """Beside what runs now; nothing where stderr is no terminal."""
        if self._task is not None:
            self._bars.update(self._task, now=f"{self._now}  {text}")

    def note(self, text: str) -> None:
        self._print(self._prefix + text)

    def close(self) -> None:
        """What is shown is done."""
        if self._task is not None:
            self._bars.update(self._task, completed=self._steps, now="")

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"
