"""How a workflow tells what it does; the cli draws it, tests record it."""

from typing import Protocol


class Progress(Protocol):
    """``stage`` begins a part of ``steps`` steps that should take ``expected_s``; ``step`` names what runs now."""

    def stage(self, name: str, *, steps: int, expected_s: float | None = None) -> None: ...

    def step(self, what: str) -> None: ...

    def note(self, text: str) -> None: ...


class Silent:
    """Progress for programs that do not want any."""

    def stage(self, name: str, *, steps: int, expected_s: float | None = None) -> None:
        pass

    def step(self, what: str) -> None:
        pass

    def note(self, text: str) -> None:
        pass
