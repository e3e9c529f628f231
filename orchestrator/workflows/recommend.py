"""``earshot recommend``: what would win on devices that were not measured, and which one to measure next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.decide.prediction.cells import teaching
from orchestrator.decide.prediction.device import DeviceFacts
from orchestrator.decide.prediction.held_out import HeldOut
from orchestrator.decide.prediction.predict import (
    ENOUGH_DEVICES,
    PREDICTED,
    DevicePrediction,
    MeasureNext,
    Oracle,
)
from orchestrator.errors import BadInput
from orchestrator.measure.lab.device import PROFILES_FOLDER
from orchestrator.measure.lab.profile_files import load_profiles
from orchestrator.workflows.recommend_devices import Profiles, by_hand, phone_named, predictable
from orchestrator.workflows.recommend_records import METRIC, Measured, of_ledger, of_matrix


@dataclass(frozen=True)
class Asked:
    """``phones``: names of profiles or of devices; with ``cores`` one name, of a device described by hand.

    ``named``: device of the matrix -> its profile.
    """

    results: Path
    phones: tuple[str, ...] = ()
    model: str | None = None
    lab: Path | None = None
    matrix: Path | None = None
    named: Mapping[str, str] = field(default_factory=dict)
    soc: str | None = None
    cores: str | None = None
    bandwidth_gb_s: float | None = None
    max_quality_loss: float | None = 0.01
    seed: int = 0


@dataclass(frozen=True)
class Recommendation:
    """``measured_devices``: what the predictions stand on. ``excluded``: configuration -> why it is not predicted;
    ``left_out``: why -> how often something measured does not teach.
    """

    model: str
    metric: str
    measured_devices: tuple[str, ...]
    predictions: tuple[DevicePrediction, ...]
    measure_next: tuple[MeasureNext, ...]
    held_out: HeldOut
    held_out_error: float | None
    coverage_80: float | None
    coverage_95: float | None
    held_out_regret: float | None
    popular_regret: float | None
    excluded: Mapping[str, str]
    left_out: Mapping[str, int]
    notes: tuple[str, ...]
    basis: str = PREDICTED


def recommend(asked: Asked) -> Recommendation:
    """Raises LedgerError, BadInput: unknown phone or model, too little measured, nothing that may be shipped."""
    profiles = load_profiles(asked.lab.parent / PROFILES_FOLDER if asked.lab else None)
    targets = _targets(asked, profiles)
    measured = _measured(asked, profiles)
    isa = targets[0].isa if targets else _commonest_isa(measured)
    taught = teaching(measured.records, measured.devices, isa, asked.max_quality_loss)
    oracle = Oracle(taught, asked.seed)
    held_out = oracle.held_out()
    others = [facts for facts in predictable(profiles) if facts.isa == isa]
    return Recommendation(
        model=measured.model,
        metric=METRIC,
        measured_devices=tuple(device.title for device in taught.devices),
        predictions=tuple(oracle.predict(target) for target in targets),
        measure_next=oracle.measure_next([*others, *(t for t in targets if t.name not in {o.name for o in others})]),
        held_out=held_out,
        held_out_error=held_out.error,
        coverage_80=held_out.coverage_80,
        coverage_95=held_out.coverage_95,
        held_out_regret=held_out.regret,
        popular_regret=held_out.popular_regret,
        excluded=taught.excluded,
        left_out={**measured.left_out, **{f"{name}: {why}": 1 for name, why in taught.unlike.items()}},
        notes=_notes(len(taught.devices), held_out, targets, {device.name for device in taught.devices}),
    )


def _targets(asked: Asked, profiles: Profiles) -> list[DeviceFacts]:
    if asked.cores is None:
        if asked.soc is not None or asked.bandwidth_gb_s is not None:
            raise BadInput("--soc and --bandwidth-gb-s describe a device by hand, which needs --cores too")
        return [phone_named(phone, profiles) for phone in asked.phones]
    if len(asked.phones) > 1:
        raise BadInput(f"--cores describes one device, and {len(asked.phones)} are named")
    return [by_hand(asked.phones[0] if asked.phones else "by hand", asked.soc, asked.cores, asked.bandwidth_gb_s)]


def _measured(asked: Asked, profiles: Profiles) -> Measured:
    if asked.matrix is not None:
        return of_matrix(asked.matrix, asked.model, profiles, asked.named)
    if asked.named:
        raise BadInput("--is names devices of a --matrix; the ledger knows what its devices are")
    return of_ledger(asked.results, asked.model, profiles)


def _commonest_isa(measured: Measured) -> str:
    found = [device.isa for device in measured.devices.values()]
    return max(dict.fromkeys(found), key=found.count, default="aarch64")


def _notes(count: int, held_out: HeldOut, targets: Sequence[DeviceFacts], known: set[str]) -> tuple[str, ...]:
    found = []
    if count < ENOUGH_DEVICES:
        found.append(
            f"{count} device models are measured: intervals stand on the prior more than on them, and are wide; from "
            f"{ENOUGH_DEVICES} on they stand on measurements"
        )
    if not held_out.devices:
        found.append("no device could be left out: no two configurations ran on three of them")
    found += [
        f"{target.title} has measurements of its own, which the prediction knows: earshot select decides from those"
        for target in targets
        if target.name in known
    ]
    return tuple(found)
