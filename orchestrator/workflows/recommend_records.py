"""What was measured, for a prediction: from the ledger's studies, or from an exported matrix."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.decide.prediction.cells import Record
from orchestrator.decide.prediction.configuration import parse_label
from orchestrator.decide.prediction.device import DeviceFacts
from orchestrator.decide.replay.matrix import Row, read_rows
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.evidence import Evidence, baseline_of, gather
from orchestrator.decide.selection.gates import Rules, rejection
from orchestrator.decide.selection.policy import Policy
from orchestrator.domain.session import VERIFY_BLOCK, Environment
from orchestrator.domain.study import Study
from orchestrator.errors import BadInput
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.lab.profiles import STAND_IN
from orchestrator.workflows.recommend_devices import Profiles, facts_of_probe, facts_of_profile, phone_named

METRIC = "service_p50_ms"
# A gate that says that a configuration does not run as asked there, which may be so elsewhere too; other gates speak of
# the sessions, or of what is asked for.
_DOES_NOT_RUN = ("failed", "placement", "parity")
_NOT_OF_TIMES = ("quality",)


@dataclass
class Measured:
    """``left_out``: why -> how often something of the source does not teach."""

    model: str
    records: list[Record] = field(default_factory=list)
    devices: dict[str, DeviceFacts] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)


def of_ledger(results: Path, model: str | None, profiles: Profiles) -> Measured:
    """Raises LedgerError without a ledger, BadInput where it does not say which model is meant."""
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        studies = [s for s in ledger.studies() if s.settings.get("workflow") == "tune"]
        found = Measured(_one_model(model, [s.model for s in studies], f"the ledger {ledger.place}"))
        for study in studies:
            if study.model == found.model:
                _add_study(found, ledger, study, profiles)
    return found


def _one_model(model: str | None, known: Iterable[str], where: str) -> str:
    models = sorted(set(known))
    if model is None and len(models) == 1:
        return models[0]
    if not models:
        raise BadInput(f"{where} holds no study of earshot tune", hint="earshot tune kws makes one")
    if model not in models:
        what = f"nothing of the model {model!r}" if model else f"studies of {len(models)} models"
        raise BadInput(f"{where} holds {what}", hint=f"--model {' or '.join(models)}")
    return model


def _add_study(found: Measured, ledger: Ledger, study: Study, profiles: Profiles) -> None:
    sessions = [s for s in ledger.sessions(study.study_id) if s.planned.block < VERIFY_BLOCK]
    if not sessions:
        return
    environment = sessions[0].environment
    reason = unreal(environment)
    if reason is not None:
        found.left_out[reason] += 1
        return
    device = facts_of_probe(environment.probe, profiles)
    found.devices[device.name] = device
    evidence = gather(sessions, ledger.artifacts(study.model), ledger.scores(study.study_id), Policy())
    rules = Rules(Constraints(max_quality_loss=1.0), Policy(), baseline_of(evidence))
    for one in evidence:
        _add(found, device.name, one, rules)


def unreal(environment: Environment) -> str | None:
    """Why nothing about a device follows from what was measured there; None where something does."""
    if environment.emulated:
        return f"{environment.device}: emulated ({environment.emulated})"
    if STAND_IN in (environment.probe.virtual or ""):
        return f"{environment.device}: a stand-in, whose times are another machine's"
    return None


def _add(found: Measured, device: str, evidence: Evidence, rules: Rules) -> None:
    try:
        _, configuration = parse_label(evidence.candidate.label)
    except ValueError as exc:
        found.left_out[f"{evidence.candidate.label}: {exc}"] += 1
        return
    artifact = evidence.artifact
    if artifact is not None and evidence.candidate.chunk_samples != artifact.contract.chunk_samples:
        found.left_out["chunks of another size than the model's own"] += 1
        return
    refused = rejection(evidence, rules)
    difference = evidence.quality.difference if evidence.quality else None
    loss = difference.upper if difference else None
    if refused is not None and refused.gate in _DOES_NOT_RUN:
        found.records.append(Record(device, configuration, (), loss, refused.reason))
    elif refused is not None and refused.gate not in _NOT_OF_TIMES:
        found.left_out[f"sessions that cannot be believed ({refused.gate})"] += 1
    elif runs := tuple(evidence.values[METRIC].values()):
        found.records.append(Record(device, configuration, runs, loss))


def of_matrix(path: Path, model: str | None, profiles: Profiles, named: Mapping[str, str]) -> Measured:
    """``named``: device of the matrix -> its profile; else a device's own name must tell it. Raises BadInput."""
    rows = read_rows(path)
    parsed = []
    left_out: Counter[str] = Counter()
    for row in rows:
        try:
            parsed.append((row, *parse_label(row.candidate)))
        except ValueError as exc:
            left_out[f"{row.candidate}: {exc}"] += 1
    if not parsed:
        raise BadInput(f"no candidate of the matrix {path} can be read: {next(iter(left_out))}")
    found = Measured(_one_model(model, [whose for _, whose, _ in parsed], f"the matrix {path}"), left_out=left_out)
    names = _devices(found, [row.device for row in rows], profiles, named)
    grouped: dict[tuple[str, str], list[Row]] = {}
    for row, whose, configuration in parsed:
        if whose == found.model:
            grouped.setdefault((names[row.device], configuration.name), []).append(row)
    for (device, _), of_one in grouped.items():
        _add_rows(found, device, of_one)
    return found


def _devices(found: Measured, in_matrix: Iterable[str], profiles: Profiles, named: Mapping[str, str]) -> dict[str, str]:
    names = {}
    for device in dict.fromkeys(in_matrix):
        try:
            profile = profiles.get(named.get(device, device))
            facts = facts_of_profile(profile) if profile else phone_named(named.get(device, device), profiles)
        except BadInput as exc:
            raise BadInput(f"device of the matrix: {exc.message}", hint=f"--is {device}=PROFILE; {exc.hint}") from exc
        found.devices[facts.name] = facts
        names[device] = facts.name
    unknown = [device for device in named if device not in names]
    if unknown:
        raise BadInput(f"no device {unknown[0]!r} in the matrix", hint=f"it holds {', '.join(names)}")
    return names


def _add_rows(found: Measured, device: str, rows: Sequence[Row]) -> None:
    _, configuration = parse_label(rows[0].candidate)
    good = tuple(row.figures[METRIC] for row in rows if row.outcome == "ok" and METRIC in row.figures)
    bad = [row.outcome for row in rows if row.outcome in ("failed", "fallback")]
    losses = [row.figures["quality_loss"] for row in rows if "quality_loss" in row.figures]
    loss = max(losses, default=None)
    if bad:
        found.records.append(Record(device, configuration, (), loss, f"{bad[0]} in {len(bad)} of {len(rows)} runs"))
    elif good:
        found.records.append(Record(device, configuration, good, loss))
    else:
        found.left_out["configurations without a run that can be believed"] += 1
