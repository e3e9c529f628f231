"""What a timed session still tells when its raw arrays have made way."""

from dataclasses import dataclass, field

from orchestrator.domain.run_course import RunCourse
from orchestrator.domain.session_verdict import Doubt


@dataclass(frozen=True)
class Kept:
    """Computed from the arrays before they went, by the rules of that day.

    ``doubts``: its verdict. ``course`` None: of a session without usable times. ``figures``: of the run without its
    warm-up, exact, by the names that comparisons use (``decide.comparison.runs.METRICS``), and ``miss_rate``; what it
    could not say is absent.
    """

    compacted_utc: str
    doubts: tuple[Doubt, ...] = ()
    course: RunCourse | None = None
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def said(self) -> str:
        return f"raw times made way on {self.compacted_utc[:10]}"
