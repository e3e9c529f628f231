"""A figure of one session, as it is shown."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """``value`` None: absent, and ``note`` says why."""

    name: str
    value: float | None
    unit: str
    note: str = ""
