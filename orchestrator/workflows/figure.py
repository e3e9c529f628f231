"""A figure of one session, as it is shown."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """``value`` None: absent, and ``note`` says why. A word only for what is no quantity."""

    name: str
    value: float | str | None
    unit: str
    note: str = ""
