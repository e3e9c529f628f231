"""Goals against the fp32 default, in the five types that Olive has for a metric.

Types, their arithmetic and the ranges of the percentages: Microsoft Olive, ``olive/evaluator/metric.py`` (``goal``) and
``olive/engine/engine.py`` (goals to thresholds).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from orchestrator.decide.selection.names import nearest_name
from orchestrator.decide.selection.objective import OBJECTIVES
from orchestrator.domain.decision import METRICS, MORE_IS_BETTER
from orchestrator.errors import BadInput

THRESHOLD = "threshold"
IMPROVEMENTS = ("min-improvement", "percent-min-improvement")
DEGRADATIONS = ("max-degradation", "percent-max-degradation")
TYPES = (THRESHOLD, *DEGRADATIONS, *IMPROVEMENTS)
# 1 - error rate: how Olive, and most people, say quality. What is measured of it is ``quality_loss``.
ACCURACY, QUALITY_LOSS = "accuracy", "quality_loss"
_FORM = "write it like latency_p99_ms:percent-min-improvement=20"


@dataclass(frozen=True)
class Goal:
    """``kind``: one of ``TYPES``; ``value`` in the metric's unit, or in per cent of the default's figure.

    ``name`` is a metric or ``accuracy``. Of quality a threshold of ``accuracy`` is an accuracy, one of ``quality_loss``
    a loss; per cent are of the default's accuracy, or of its error rate. Raises BadInput.
    """

    name: str
    kind: str
    value: float

    def __post_init__(self) -> None:
        if self.name not in METRICS and self.name != ACCURACY:
            known = (*OBJECTIVES, *METRICS, ACCURACY)
            raise BadInput(
                f"unknown metric {self.name!r} of a goal{nearest_name(self.name, known)}; known are {', '.join(known)}"
            )
        if self.kind not in TYPES:
            near = nearest_name(self.kind, TYPES)
            raise BadInput(f"unknown type {self.kind!r} of a goal{near}; known are {', '.join(TYPES)}", hint=_FORM)
        if not math.isfinite(self.value) or (self.kind != THRESHOLD and self.value < 0):
            raise BadInput(f"the value of the goal {self} must be >= 0 and finite")
        if self._falls and self.kind.startswith("percent") and self.value >= 100:
            raise BadInput(f"the goal {self} cannot be: nothing falls by {self.value:g} % and is still there")

    @classmethod
    def of(cls, name: str, kind: str, value: float) -> "Goal":
        """A short name (``p99``) is its metric, and a type may have ``_`` for ``-``."""
        return cls(OBJECTIVES.get(name, name), kind.replace("_", "-"), value)

    @classmethod
    def parse(cls, text: str) -> "Goal":
        """``latency_p99_ms:percent-min-improvement=20``. Raises BadInput."""
        name, colon, rest = text.partition(":")
        kind, equals, value = rest.partition("=")
        if not colon or not equals:
            raise BadInput(f"a goal must be METRIC:TYPE=VALUE, got {text!r}", hint=_FORM)
        try:
            return cls.of(name.strip(), kind.strip(), float(value))
        except ValueError:
            raise BadInput(f"the value of a goal must be a number, got {text!r}", hint=_FORM) from None

    def __str__(self) -> str:
        return f"{self.name}:{self.kind}={self.value:g}"

    @property
    def metric(self) -> str:
        """The metric that it bounds."""
        return QUALITY_LOSS if self.name == ACCURACY else self.name

    @property
    def improves(self) -> bool:
        return self.kind in IMPROVEMENTS

    @property
    def is_limit(self) -> bool:
        """Whether it says no more than a limit on its metric would, so that there is no sense in both."""
        return self.kind == THRESHOLD or self.metric == QUALITY_LOSS

    def limit(self, default: float) -> float:
        """What follows for ``metric`` from the default's own figure, of quality from its error rate."""
        if self.metric != QUALITY_LOSS:
            return self._bound(default)
        if self.name == ACCURACY:
            accuracy = 1.0 - default
            return accuracy - self._bound(accuracy)
        return self.value if self.kind == THRESHOLD else self._bound(default) - default

    @property
    def _more(self) -> bool:
        return self.name in MORE_IS_BETTER or self.name == ACCURACY

    @property
    def _falls(self) -> bool:
        """Whether the figure itself gets smaller on the way to the limit."""
        return self.improves != self._more if self.kind != THRESHOLD else False

    def reaching(self, reached: float, default: float) -> "Goal | None":
        """The strictest goal of this type that a figure meets, to three digits; None where no value of it is met.

        ``reached`` of ``metric``, ``default`` as in ``limit``.
        """
        if self.metric == QUALITY_LOSS:
            accuracy = self.name == ACCURACY
            own, base = (1.0 - default - reached, 1.0 - default) if accuracy else (reached + default, default)
            own = reached if self.kind == THRESHOLD and not accuracy else own
        else:
            own, base = reached, default
        if self.kind == THRESHOLD:
            return replace(self, value=outward(own, down=self._more))
        step = (base - own if self._falls else own - base) / (base / 100.0 if self.kind.startswith("percent") else 1.0)
        value = outward(step, down=self.improves) if step > 0 else 0.0
        whole = self._falls and self.kind.startswith("percent") and value >= 100.0
        return None if value == 0.0 or whole else replace(self, value=value)

    def _bound(self, default: float) -> float:
        if self.kind == THRESHOLD:
            return self.value
        step = default * self.value / 100.0 if self.kind.startswith("percent") else self.value
        return default - step if self._falls else default + step


def outward(value: float, down: bool = False) -> float:
    """To three digits, never on the other side of ``value``."""
    if value == 0.0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 2)
    rounded = (math.floor if down else math.ceil)(value / step) * step
    return float(f"{rounded:.12g}")


def by_metric(goals: Iterable[Goal]) -> dict[str, Goal]:
    """Raises BadInput where two are about the same metric: one of them would never bind."""
    found: dict[str, Goal] = {}
    for goal in goals:
        other = found.setdefault(goal.metric, goal)
        if other != goal:
            raise BadInput(f"two goals are about {goal.metric}: {other} and {goal}", hint="keep the stricter one")
    return found
