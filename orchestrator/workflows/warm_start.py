"""What won elsewhere is looked at first: an order of the first looks, and nothing that counts as a run here."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from orchestrator.domain.decision import Decision
from orchestrator.domain.session import Environment
from orchestrator.domain.study import Study
from orchestrator.ledger.environments import latest_environments
from orchestrator.ledger.ledger import Ledger

# More first looks than these are better left to chance.
_MOST = 4
_STATUSES = ("winner", "front")


@dataclass(frozen=True)
class WarmStart:
    """``key`` of a candidate that was a ``status`` (winner, or on the front) on ``device``, which is like this one:
    ``alike`` says how.
    """

    key: str
    label: str
    status: str
    device: str
    alike: str
    study_id: str

    @property
    def sentence(self) -> str:
        did = "won" if self.status == "winner" else "was on the front"
        return f"first looked at: {self.label}, because it {did} on {self.device} ({self.alike}, study {self.study_id})"


def warm_start(ledger: Ledger, study: Study, here: Environment) -> tuple[WarmStart, ...]:
    """From the finished studies of the same model on devices of the same model, then of the same SoC; the newest first.
    Each candidate once, the winners of a study before the rest of its front.
    """
    known = latest_environments(ledger)
    found = list(_found(ledger, study, here, known))
    found.sort(key=lambda one: (one.alike != _SAME_MODEL, one.status != "winner"))
    unique = {one.key: one for one in reversed(found)}
    return tuple(one for one in found if unique[one.key] is one)[:_MOST]


_SAME_MODEL = "the same device model"


def _found(ledger: Ledger, study: Study, here: Environment, known: dict[str, Environment]) -> Iterator[WarmStart]:
    for other in reversed(ledger.studies()):
        alike = _alike(other, here, known) if _finished(other, study) else None
        decision = ledger.decision(other.study_id) if alike else None
        if decision is not None and alike is not None:
            yield from _of(decision, alike)


def _finished(other: Study, study: Study) -> bool:
    tuned = other.settings.get("workflow") == study.settings.get("workflow")
    return tuned and other.model == study.model and other.status == "finished" and other.device != study.device


def _alike(other: Study, here: Environment, known: dict[str, Environment]) -> str | None:
    """How one of the study's units is like this device."""
    units = [known[name] for name in other.device.split(",") if name in known]
    if any(unit.device_model == here.device_model for unit in units):
        return _SAME_MODEL
    soc = here.probe.soc
    return f"the same SoC, {soc}" if soc and any(unit.probe.soc == soc for unit in units) else None


def _of(decision: Decision, alike: str) -> Iterable[WarmStart]:
    ranked = sorted((v for v in decision.candidates if v.status in _STATUSES), key=lambda v: _STATUSES.index(v.status))
    for verdict in ranked:
        candidate = verdict.candidate
        yield WarmStart(candidate.key, candidate.label, verdict.status, decision.device, alike, decision.study_id)
