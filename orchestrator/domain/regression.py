"""What became of a series: a suspicion, the re-run that is to decide it, and the verdict with all that explains it."""

from dataclasses import dataclass

from orchestrator.domain.night_series import AXES, Night, SeriesKey
from orchestrator.statistics.interval import Interval

LEVEL, SPREAD = "level", "spread"
ASPECTS = (LEVEL, SPREAD)

REGRESSION, IMPROVEMENT = "regression", "improvement"
DEVICE_DRIFT, LAB_DRIFT = "device-drift", "lab-drift"
SUSPECT, DISMISSED = "suspect", "dismissed"
KINDS = (REGRESSION, IMPROVEMENT, DEVICE_DRIFT, LAB_DRIFT, SUSPECT, DISMISSED)
# These reach a person.
ALERTS = (REGRESSION, DEVICE_DRIFT, LAB_DRIFT)

BY_RERUN, BY_NIGHTS, BY_VALUE, BY_ITEMS = "re-run", "nights", "exact value", "evaluation items"
CONFIRMED, REFUTED, UNSURE = "confirmed", "refuted", "unsure"


def worsens(key: SeriesKey, aspect: str, change: float) -> bool:
    """Whether a change by so much (> 0: more of it) is for the worse; more spread from run to run always is."""
    return (change > 0) == (aspect == SPREAD or key.watched.worse > 0)


@dataclass(frozen=True)
class Since:
    """The first night of the new level, with the range that holds it with 95 %.

    ``weights``: (night, probability) of all nights that it may be.
    """

    at: str
    earliest: str
    latest: str
    weights: tuple[tuple[str, float], ...]

    def __str__(self) -> str:
        return self.at if self.earliest == self.latest else f"{self.at} ({self.earliest} to {self.latest})"


@dataclass(frozen=True)
class Blame:
    """``axis`` went from ``before`` to ``after`` on the night ``at``, which is the change's with ``probability``."""

    axis: str
    at: str
    before: str
    after: str
    probability: float

    def __post_init__(self) -> None:
        if self.axis not in AXES:
            raise ValueError(f"axis must be one of {AXES}, got {self.axis!r}")

    def __str__(self) -> str:
        changed = f"{self.axis.replace('_', ' ')} {self.before} -> {self.after}"
        return f"{changed} ({self.at}, {100 * self.probability:.0f} %)"


@dataclass(frozen=True)
class Suspicion:
    """Of one aspect of one series, on its last night. ``shift``: by how much its logarithm lies above (below) what was
    usual, ``threshold`` what it took. ``p_value``: how often a series without a change is as far off; ``rate``: how
    often one is suspected at all.
    """

    key: SeriesKey
    aspect: str
    shift: float
    threshold: float
    p_value: float
    rate: float
    since: Since

    def __post_init__(self) -> None:
        if self.aspect not in ASPECTS or not 0.0 <= self.p_value <= 1.0:
            raise ValueError(f"aspect must be one of {ASPECTS} and p in 0..1, got {self.aspect!r}, {self.p_value}")


@dataclass(frozen=True)
class ConfirmationRequest:
    """Run ``old`` and ``new`` of one configuration in turns on its device, the same night: ``pairs`` blocks of both.

    ``suspicions``: what it is to decide, most doubtful first. ``look``: 1, or 2 where the first left it open.
    """

    old: Night
    new: Night
    pairs: int
    suspicions: tuple[Suspicion, ...]
    look: int = 1

    def __post_init__(self) -> None:
        if self.pairs < 2 or self.look not in (1, 2) or not self.suspicions:
            raise ValueError(f"a re-run has pairs >= 2, look 1 or 2 and suspicions, got {self.pairs}, {self.look}")
        if len({each.key.configuration for each in self.suspicions}) > 1:
            raise ValueError("one re-run decides about one configuration")

    @property
    def configuration(self) -> tuple[str, ...]:
        return self.suspicions[0].key.configuration


@dataclass(frozen=True)
class Confirmation:
    """What the re-run said about one suspicion: ``effect`` is new / old over its pairs."""

    suspicion: Suspicion
    outcome: str
    effect: Interval
    p_value: float

    def __post_init__(self) -> None:
        if self.outcome not in (CONFIRMED, REFUTED, UNSURE):
            raise ValueError(f"outcome must be confirmed, refuted or unsure, got {self.outcome!r}")


@dataclass(frozen=True)
class Verdict:
    """``effect``: new over old where ``relative``, else new minus old. ``confirmed_by`` None: nothing has, yet.

    ``false_alarms_per_100``: how many of 100 series-nights without a change the rule was tuned to call one; 0 where
    there is no noise to be deceived by. ``said``: all of it in a sentence.
    """

    kind: str
    key: SeriesKey
    at: str
    aspect: str
    effect: Interval
    relative: bool
    confirmed_by: str | None
    since: Since
    blame: tuple[Blame, ...]
    false_alarms_per_100: float
    p_value: float
    said: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {KINDS}, got {self.kind!r}")

    @property
    def alert(self) -> bool:
        return self.kind in ALERTS
