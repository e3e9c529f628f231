"""What became of one night of a plan: when, how much of it, what is missing and why."""

from dataclasses import dataclass, field
from datetime import date

from orchestrator.domain.regression import DISMISSED, KINDS, Verdict


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


@dataclass(frozen=True)
class RerunTold:
    """What became of one wanted re-run: ``pairs`` of ``wanted`` were made; ``reason``: why not all, None where all."""

    configuration: tuple[str, ...]
    old_artifact: str
    new_artifact: str
    wanted: int
    pairs: int
    reason: str | None = None


@dataclass(frozen=True)
class DeviceTold:
    """One device's part: sessions and what was spent on them, re-runs included."""

    device: str
    expected: int
    finished: int
    failed: int
    spent_s: float
    budget_s: float


@dataclass(frozen=True)
class NightTold:
    """A night, whole: its record, its devices, what was judged and what was done about it. ``notes``: for people.
    ``series`` were looked at, of which ``learning`` have too few nights to be judged.
    """

    record: NightRecord
    devices: tuple[DeviceTold, ...]
    verdicts: tuple[Verdict, ...]
    reruns: tuple[RerunTold, ...]
    notes: tuple[str, ...] = ()
    series: int = 0
    learning: int = 0

    @property
    def alerts(self) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if verdict.alert)

    @property
    def sentence(self) -> str:
        record = self.record
        counted = f"{record.finished_sessions} of {record.expected_sessions} sessions"
        gaps = f"{len(record.missing)} missing" if record.missing else ""
        late = "late" if record.late else ""
        state = ", ".join(part for part in (counted, gaps, late) if part)
        return f"{self._found}: {state}"

    @property
    def _found(self) -> str:
        if self.record.unjudged is not None:
            return "Not judged"
        counts = sorted(self.record.verdicts.items())
        said = [f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in counts if kind != DISMISSED]
        quiet = "Nothing is off what was usual"
        return ", ".join(said) or (f"{quiet}, in what can be judged yet" if self.learning else quiet)
