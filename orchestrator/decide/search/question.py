"""What a search is asked, what is known before a device is used, and what one run on it says."""

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from orchestrator.domain.decision import METRICS
from orchestrator.errors import BadInput

OUTCOMES = ("ok", "fallback", "failed", "throttled")
# Known from the artifact and its evaluation; all other figures take a run on the device.
KNOWN_BEFORE = ("size_mb", "quality_loss")
# Two configurations nearer than this are the same to a person.
INDIFFERENCE = 0.02


@dataclass(frozen=True)
class Question:
    """Minimize one metric among the candidates whose figures stay at or below ``limits``. Raises BadInput."""

    minimize: str
    limits: Mapping[str, float] = field(default_factory=dict)
    indifference: float = INDIFFERENCE

    def __post_init__(self) -> None:
        for name in (self.minimize, *self.limits):
            require_metric(name)
        for name, limit in self.limits.items():
            if not math.isfinite(limit) or limit < 0:
                raise BadInput(f"the limit of {name} must be a number >= 0, got {limit}")
        if not 0 < self.indifference < 1:
            raise BadInput(f"indifference must be in 0..1, got {self.indifference}")

    @property
    def needed(self) -> tuple[str, ...]:
        """The metrics that a run has to say for the question to be answered."""
        return tuple(dict.fromkeys(name for name in (self.minimize, *self.limits) if name not in KNOWN_BEFORE))


def require_metric(name: str, known: Iterable[str] = METRICS) -> None:
    """Raises BadInput with the nearest name."""
    known = list(known)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}? " if near else ""
        raise BadInput(f"unknown metric {name!r}", hint=f"{hint}known are {', '.join(known)}")


@dataclass(frozen=True)
class Entrant:
    """A candidate with what is known of it for free: metric of ``KNOWN_BEFORE`` -> value, absent where not known."""

    name: str
    known: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """One run of a candidate in a fresh process. ``figures``: metric -> value, absent where not measured.

    ``at_s`` is the device time at its middle, ``duration_s`` what it took.
    """

    candidate: str
    outcome: str
    at_s: float
    duration_s: float
    figures: Mapping[str, float]

    def __post_init__(self) -> None:
        if self.outcome not in OUTCOMES:
            raise ValueError(f"outcome must be one of {', '.join(OUTCOMES)}, got {self.outcome!r}")


@dataclass(frozen=True)
class Finding:
    """What a search ends with. ``winner`` is None only where the verdict is infeasible.

    ``rejected``: every other candidate -> why not.
    """

    winner: str | None
    verdict: str
    rejected: Mapping[str, str]
