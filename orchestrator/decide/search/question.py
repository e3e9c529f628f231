"""What a search is asked, what is known before a device is used, and what one run on it says."""

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from orchestrator.domain.decision import METRICS, SCORE
from orchestrator.errors import BadInput

OUTCOMES = ("ok", "fallback", "failed", "throttled")
# Something else on the device disturbed the run (a session's verdict): as a throttled one, it says nothing either way.
SUSPECT = "suspect"
# Known from the artifact and its evaluation; all other figures take a run on the device.
KNOWN_BEFORE = ("size_mb", "quality_loss")
# Two configurations nearer than this are the same to a person.
INDIFFERENCE = 0.02


@dataclass(frozen=True)
class Question:
    """Minimize one metric among the candidates whose figures stay at or below ``limits``. ``also``: metrics that it is
    traded against, for strategies that look for a front. Raises BadInput.
    """

    minimize: str
    limits: Mapping[str, float] = field(default_factory=dict)
    indifference: float = INDIFFERENCE
    also: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in (self.minimize, *self.limits, *self.also):
            require_metric(name, (*METRICS, SCORE))
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
    """A candidate with what is known of it for free: metric of ``KNOWN_BEFORE`` -> value, absent where not known.

    ``traits``: what it is made of (runtime, provider, recipe, ...), for strategies that learn from what is alike.
    """

    name: str
    known: Mapping[str, float] = field(default_factory=dict)
    traits: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """One run of a candidate in a fresh process. ``figures``: metric -> value, absent where not measured.

    ``at_s`` is the device time at its middle, ``duration_s`` what it took. ``place``: which of several units of one
    device model ran it. ``run_id`` names it where it is recorded.
    """

    candidate: str
    outcome: str
    at_s: float
    duration_s: float
    figures: Mapping[str, float]
    place: str = ""
    run_id: str = ""

    def __post_init__(self) -> None:
        if self.outcome not in (*OUTCOMES, SUSPECT):
            raise ValueError(f"outcome must be one of {', '.join(OUTCOMES)}, got {self.outcome!r}")


@dataclass(frozen=True)
class Finding:
    """What a search ends with. ``winner`` is None only where the verdict is infeasible.

    ``rejected``: every other candidate -> why not.
    """

    winner: str | None
    verdict: str
    rejected: Mapping[str, str]
