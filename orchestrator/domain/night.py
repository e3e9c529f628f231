"""What became of one night of a plan: when, how much of it, what is missing and why."""

from dataclasses import dataclass, field
from datetime import date

from orchestrator.domain.regression import KINDS


@dataclass(frozen=True)
class Missing:
    """``what``: a device, or ``device: configuration``; ``reason`` in words."""

    what: str
    reason: str


@dataclass(frozen=True)
class NightRecord:
    """``at`` is the date on which the night began (noon to noon UTC). ``finished_utc`` None: it runs, or was ended from
    outside; the same plan goes on with it until noon. ``expected_sessions``: as planned at its start. ``verdicts``:
    kind -> count; ``unjudged``: why there are none, None where the night was judged. ``late``: it ended after what the
    plan calls its end, or noon ended it.
    """

    plan: str
    at: str
    started_utc: str
    expected_end_utc: str
    expected_sessions: int
    finished_utc: str | None = None
    finished_sessions: int = 0
    failed_sessions: int = 0
    missing: tuple[Missing, ...] = ()
    verdicts: dict[str, int] = field(default_factory=dict)
    unjudged: str | None = None
    quarantined: tuple[str, ...] = ()
    late: bool = False

    def __post_init__(self) -> None:
        date.fromisoformat(self.at)
        if min(self.expected_sessions, self.finished_sessions, self.failed_sessions) < 0:
            raise ValueError(f"a night's sessions are counted from 0, got {self}")
        if unknown := set(self.verdicts) - set(KINDS):
            raise ValueError(f"verdicts must be of {KINDS}, got {sorted(unknown)}")

    @property
    def complete(self) -> bool:
        """It ended by itself, in time, with nothing missing and nothing failed."""
        return self.finished_utc is not None and not (self.missing or self.failed_sessions or self.late)
