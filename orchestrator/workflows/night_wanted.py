"""From a plan to what is wanted on which device, and to what each device's night looks like."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from orchestrator.domain.candidate import Candidate
from orchestrator.domain.health import Health
from orchestrator.domain.night import Missing
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadInput
from orchestrator.ledger.environments import latest_environments
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.nights import Durations
from orchestrator.measure.farm.night_plan import Cost, DeviceNight, device_night
from orchestrator.measure.lab.device import Lab
from orchestrator.measure.lab.reservation import choose
from orchestrator.workflows.night_settings import DEFAULT_ENVIRONMENT, NightPlan, WantedModel

# Where the ledger knows no session of this kind: start of the process, load and the way to the device, and the share of
# its audio that a small model needs flat out. An evaluation is the whole test split.
_OVERHEAD_S, _FLAT_OUT_RTF, _QUALITY_S = 1.5, 0.1, 5.0
# Login, probe, and pushing what is there already.
_SETUP_S = 10.0


@dataclass(frozen=True)
class Wanted:
    """One configuration on one device. ``chosen``: the last decision's winner, which says all but the artifact's bytes.
    ``provider`` None: the runtime's own choice; ``environment`` None: the device's default.
    """

    model: str
    recipe: Recipe
    provider: str | None
    threads: int
    environment: str | None = None
    chosen: Candidate | None = None

    def __str__(self) -> str:
        if self.chosen is not None:
            return f"{self.model} {self.chosen.label}"
        provider = f" {self.provider}" if self.provider else ""
        within = f" in {self.environment}" if self.environment else ""
        return f"{self.model} {self.recipe}{provider} {self.threads}t{within}"


@dataclass(frozen=True)
class Shift:
    """A device's part of the night: ``night``'s numbers are those of ``wanted``."""

    device: str
    wanted: tuple[Wanted, ...]
    costs: tuple[Cost, ...]
    night: DeviceNight


@dataclass(frozen=True)
class Planned:
    """``missing``: devices in quarantine, and configurations that cannot be asked for yet, each with why."""

    shifts: tuple[Shift, ...]
    missing: tuple[Missing, ...]

    @property
    def sessions(self) -> int:
        return sum(shift.night.sessions for shift in self.shifts)

    @property
    def expected_s(self) -> float:
        """All devices work at the same time. Without exports and re-runs."""
        return max((shift.night.expected_s for shift in self.shifts), default=0.0)

    @property
    def estimated(self) -> int:
        """Sessions whose length nothing in the ledger tells."""
        return sum(
            len(shift.night.blocks) * sum(shift.costs[number].estimated for number in shift.night.taken)
            for shift in self.shifts
        )

    def ends(self, start: datetime) -> datetime:
        return (start + timedelta(seconds=self.expected_s)).astimezone(UTC)


def planned(
    plan: NightPlan,
    at: str,
    lab: Lab,
    tags: Mapping[str, frozenset[str]],
    health: Mapping[str, Health],
    winners: Mapping[tuple[str, str], Candidate],
    durations: Durations,
) -> Planned:
    """``winners`` by (model, device). The same arguments give the same plan. Raises BadInput."""
    missing: dict[str, Missing] = {}
    on_device: dict[str, list[Wanted]] = {}
    meant = {terms: _devices(lab, terms, tags) for terms in {model.devices or plan.devices for model in plan.models}}
    for model in plan.models:
        for device in meant[model.devices or plan.devices]:
            if device in health and health[device].quarantined:
                missing.setdefault(device, Missing(device, f"in quarantine: {health[device].reason}"))
                continue
            wanted, without = _wanted(plan, model, device, winners.get((model.model, device)))
            on_device.setdefault(device, []).extend(wanted)
            missing |= {each.what: each for each in without}
    shifts = [_shift(plan, at, device, wanted, durations) for device, wanted in on_device.items()]
    missing |= {each.what: each for shift in shifts for each in _without_room(plan, shift)}
    return Planned(tuple(shift for shift in shifts if shift.night.blocks), tuple(missing.values()))


def _shift(plan: NightPlan, at: str, device: str, wanted: Sequence[Wanted], durations: Durations) -> Shift:
    costs = tuple(_cost(plan, each, device, durations) for each in wanted)
    budget_s, seed = plan.budget_of(device), f"{plan.name} {at}"
    night = device_night(device, costs, runs=plan.runs, budget_s=budget_s, setup_s=_SETUP_S, seed=seed)
    return Shift(device, tuple(wanted), costs, night)


def _without_room(plan: NightPlan, shift: Shift) -> list[Missing]:
    reason = f"the budget of {plan.budget_of(shift.device) / 60.0:g} min has no room for it"
    return [Missing(f"{shift.device}: {shift.wanted[number]}", reason) for number in shift.night.left_out]


def _devices(lab: Lab, terms: str, tags: Mapping[str, frozenset[str]]) -> list[str]:
    """Names, each once. Quarantine is looked at by whoever asks."""
    return [slot[0].name for slot in choose(lab, terms, tags, {}).slots]


def _wanted(
    plan: NightPlan, model: WantedModel, device: str, winner: Candidate | None
) -> tuple[list[Wanted], list[Missing]]:
    found: list[Wanted] = []
    missing = []
    for recipe in model.recipes:
        if recipe is not None:
            found += [
                Wanted(model.model, recipe, provider, threads, None if name == DEFAULT_ENVIRONMENT else name)
                for provider in model.providers
                for threads in model.threads
                for name in plan.environments_of(device)
            ]
        elif winner is not None:
            found.append(
                Wanted(model.model, winner.recipe, winner.provider, winner.threads, winner.environment, winner)
            )
        else:
            reason = f"no decision names a winner for this kind of device: earshot tune {model.model} --device {device}"
            missing.append(Missing(f"{device}: {model.model} winner", reason))
    return found, missing


def _cost(plan: NightPlan, wanted: Wanted, device: str, durations: Durations) -> Cost:
    key = (device, wanted.model, str(wanted.recipe), wanted.threads)
    must = wanted.model == plan.reference
    once = durations.get((*key, "evaluate", 0.0), _QUALITY_S) if plan.quality else 0.0
    known = durations.get((*key, plan.mode, plan.seconds))
    if known is not None:
        return Cost(known, once, estimated=False, must=must)
    audio_s = plan.seconds if plan.mode == "paced" else _FLAT_OUT_RTF * plan.seconds
    return Cost(_OVERHEAD_S + audio_s, once, estimated=True, must=must)


def winners_of(
    ledger: Ledger, devices: Sequence[str], models: Sequence[WantedModel]
) -> dict[tuple[str, str], Candidate]:
    """By (model, device): of the newest decision for the device's model that has a winner. A device that was never
    measured has none.
    """
    asked = [model.model for model in models if None in model.recipes]
    if not asked:
        return {}
    kinds = {name: each.device_model for name, each in latest_environments(ledger).items() if name in devices}
    found: dict[tuple[str, str], Candidate] = {}
    for study in ledger.studies():
        decision = ledger.decision(study.study_id) if study.model in asked else None
        if decision is None or decision.winner is None:
            continue
        winner = decision.of(decision.winner).candidate
        found |= {(study.model, name): winner for name, kind in kinds.items() if kind == decision.device_model}
    return found


def with_artifact(chosen: Candidate, sha256: str) -> Candidate:
    """The same choice with tonight's bytes."""
    return replace(chosen, artifact_sha256=sha256)


def require_something(found: Planned) -> None:
    """Raises BadInput where not one session could be planned."""
    if not found.shifts:
        listed = "; ".join(f"{each.what}: {each.reason}" for each in found.missing)
        raise BadInput(f"nothing can be measured: {listed or 'the plan names no device'}", hint="earshot devices list")
