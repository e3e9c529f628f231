"""How far the units of one device model differ, each by its own sessions of the same candidate."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.decide.selection.evidence import Evidence, gather
from orchestrator.decide.selection.policy import Policy
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.decision import METRICS, Decision, Estimate
from orchestrator.domain.session import Session

_OTHERWISE = "latency_p50_ms"


@dataclass(frozen=True)
class UnitSpread:
    """One candidate's ``metric`` on each unit; ``spread``: the highest over the lowest less 1, None where fewer than
    two units have it.
    """

    key: str
    label: str
    metric: str
    units: dict[str, Estimate]
    spread: float | None

    @property
    def sentence(self) -> str:
        values = ", ".join(f"{name} {_said(one)} {METRICS[self.metric]}" for name, one in self.units.items())
        between = "" if self.spread is None else f": {100 * self.spread:.1f} % between units"
        return f"{self.metric} of {self.label}: {values}{between}"


def unit_spread(
    decision: Decision, sessions: Sequence[Session], artifacts: Iterable[Artifact]
) -> tuple[UnitSpread, ...]:
    """Of the winner and the default; nothing for a study on one unit."""
    names = sorted({session.environment.device for session in sessions})
    if len(names) < 2:
        return ()
    made = list(artifacts)
    by_unit = {
        name: {e.key: e for e in gather([s for s in sessions if s.environment.device == name], made, (), Policy())}
        for name in names
    }
    metric = decision.objective if decision.objective in METRICS else _OTHERWISE
    keys = dict.fromkeys(key for key in (decision.winner, decision.baseline) if key is not None)
    return tuple(_spread(decision, key, metric, by_unit) for key in keys)


def _spread(decision: Decision, key: str, metric: str, by_unit: dict[str, dict[str, Evidence]]) -> UnitSpread:
    units = {name: evidence[key].metrics[metric] for name, evidence in by_unit.items() if key in evidence}
    values = [one.value for one in units.values() if one.value is not None and one.value > 0]
    spread = max(values) / min(values) - 1.0 if len(values) > 1 else None
    return UnitSpread(key, decision.of(key).candidate.label, metric, units, spread)


def _said(estimate: Estimate) -> str:
    return "-" if estimate.value is None else f"{estimate.value:.3g}"
