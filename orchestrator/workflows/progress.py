"""How a workflow tells what it does; the cli draws it, tests record it."""

from typing import Protocol


class Progress(Protocol):
    """``stage`` begins a part of ``steps`` steps that should take ``expected_s``; ``step`` names what runs now, and
    ``meter`` says several times a second how it is doing.
    """

    def stage(self, name: str, *, steps: int, expected_s: float | None = None) -> None: ...

    def step(self, what: str) -> None: ...

    def meter(self, text: str) -> None: ...

    def note(self, text: str) -> None: ...


class DeviceProgress(Progress, Protocol):
    """Of one device among several; ``close`` when nothing more comes."""

    def close(self) -> None: ...


class FleetProgress(Progress, Protocol):
    """Of several devices at once; ``device`` may be called from several threads."""

    def device(self, name: str) -> DeviceProgress: ...


class Silent:
    """Progress for programs that do not want any."""

    def stage(self, name: str, *, steps: int, expected_s: float | None = None) -> None:
        pass

    def step(self, what: str) -> None:
        pass

    def meter(self, text: str) -> None:
        pass

    def note(self, text: str) -> None:
        pass

    def device(self, name: str) -> "Silent":
        return self

    def close(self) -> None:
        pass
