"""Several candidates measured on one device in the same hour, in fresh processes of one study."""

import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from agents import wire
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.session import Environment
from orchestrator.domain.study import Study
from orchestrator.errors import BadInput, ExportFailed
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.deploy.push import push_blobs
from orchestrator.measure.doctor.quieted import quieted
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.inventory import find_device, load_lab
from orchestrator.measure.lab.lease import Hold
from orchestrator.workflows.artifact_files import files_of
from orchestrator.workflows.bench import BenchSettings
from orchestrator.workflows.candidates import candidates_for, require_a_chunk
from orchestrator.workflows.choice import choose_devices, is_name
from orchestrator.workflows.cooling import cooler_of
from orchestrator.workflows.isolating import clusters_in, isolation_for
from orchestrator.workflows.metering import meter_of
from orchestrator.workflows.prepare import (
    Prepared,
    deploy_agent,
    export_candidates,
    prepare_model,
)
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.reach import in_environment
from orchestrator.workflows.reserve import PowerCycle, first_free, reserved
from orchestrator.workflows.session_runner import Material, SessionRunner
from orchestrator.workflows.settings import deadline_ns
from orchestrator.workflows.spoken import spoken_words

# An interrupted comparison goes on so long after its last session: what is measured later is measured on another day's
# device.
_GO_ON_WITHIN_S = 3600.0


@dataclass(frozen=True)
class Bench:
    """A study whose sessions are in the ledger, and the candidates in the order of the choices."""

    study: Study
    candidates: tuple[Candidate, ...]
    artifacts: dict[str, Artifact]


# Runs what is to be run, with the runner, the candidates and the lease.
Schedule = Callable[[SessionRunner, Sequence[Candidate], Hold], None]


def measure(settings: BenchSettings, ledger: Ledger, schedule: Schedule, progress: Progress) -> Bench:
    """Raises EarshotError; what was measured until then is in the ledger, and the same call goes on from there."""
    lab = load_lab(settings.lab)
    if is_name(settings.device):
        find_device(lab, settings.device)
    prepared = prepare_model(settings.model, settings.results / "models")
    recipes = list(dict.fromkeys(choice.recipe for choice in settings.choices))
    exported = export_candidates(
        prepared, recipes, settings.results / "artifacts", jobs=os.cpu_count() or 1, progress=progress
    )
    artifacts = {artifact.recipe: artifact for artifact in exported.artifacts}
    for recipe in recipes:
        if recipe not in artifacts:
            reason = next((r.reason for r in exported.refusals if r.recipe == recipe), "it was not exported")
            raise ExportFailed(f"{recipe} was refused: {reason}", hint="earshot models export shows the others")
    devices = choose_devices(lab, settings.device, ledger, progress, one=True)[0]
    wanted = [artifacts[recipe] for recipe in recipes]
    return first_free(
        devices,
        lambda device, wait_s: _on(settings, ledger, device, prepared, wanted, schedule, progress, wait_s),
        settings.wait_s,
    )


def _on(
    settings: BenchSettings,
    ledger: Ledger,
    device: Device,
    prepared: Prepared,
    artifacts: Sequence[Artifact],
    schedule: Schedule,
    progress: Progress,
    wait_s: float,
) -> Bench:
    purpose = f"{settings.workflow} {settings.model}"
    with (
        reserved(ledger, device, purpose, progress, wait_s=wait_s) as held,
        tempfile.TemporaryDirectory(prefix="earshot-") as scratch,
    ):
        power = PowerCycle(ledger, device, progress)
        chosen = in_environment(device, settings.environment)
        agent, environment = power.reach(lambda: deploy_agent(chosen, progress, ledger))
        with agent.transport, held.on_device(agent), ExitStack() as stack:
            candidates = _candidates(settings, artifacts, environment)
            asked = isolation_for(device, settings.isolate, clusters_in(candidates))
            quiet = quieted(agent, device, progress.note, wanted=settings.quiet_device, asked=asked)
            environment = replace(environment, isolation=stack.enter_context(quiet))
            study = _begin(ledger, settings, prepared.source.name, device, progress)
            material = _push(agent, prepared, artifacts, ledger, Path(scratch), progress)
            by_hash = {artifact.sha256: artifact for artifact in artifacts}
            cooler = cooler_of(device, agent, environment, ledger, study, progress)
            runner = SessionRunner(
                ledger,
                study,
                agent,
                environment,
                {"test": material},
                by_hash,
                progress,
                settings.seed,
                hold=held,
                power=power,
                isolate=asked.steps,
                meter=meter_of(device),
                cooler=cooler,
                suspect_reruns=settings.runs,
                deadline_ns=deadline_ns(settings.deadline_ms),
            )
            schedule(runner, candidates, held)
            ledger.finish_study(study.study_id, "finished")
            runner.forget_recorded()
    return Bench(study, tuple(candidates), by_hash)


def _candidates(settings: BenchSettings, artifacts: Sequence[Artifact], environment: Environment) -> list[Candidate]:
    threads = sorted({choice.threads for choice in settings.choices})
    places = [choice.held.on(environment.probe, environment.device, choice.threads) for choice in settings.choices]
    clusters = list(dict.fromkeys(place for place in places if place is not None))
    known = candidates_for(artifacts, environment.probe, threads=threads, clusters=clusters, spare=True)
    found = [c.among(known, environment.device, place) for c, place in zip(settings.choices, places, strict=True)]
    if len({candidate.key for candidate in found}) < len(found):
        raise BadInput(
            f"both are {found[0].label}", hint=f"earshot calibrate {environment.device} compares a thing with itself"
        )
    return found


def _push(
    agent: DeployedAgent,
    prepared: Prepared,
    artifacts: Sequence[Artifact],
    ledger: Ledger,
    scratch: Path,
    progress: Progress,
) -> Material:
    progress.stage("pushing", steps=1)
    evaluation = prepared.needed_evaluation()
    contract = prepared.source.contract
    require_a_chunk(contract, contract.chunk_samples, len(evaluation.pcm("test")), "the evaluation set")
    path, blob, spans = evaluation.wav("test", scratch)
    files: list[tuple[Path, wire.Blob]] = [(path, blob)]
    for artifact in artifacts:
        ledger.record_artifact(artifact)
        files += files_of(artifact)
    push_blobs(agent, files)
    return Material(blob, blob, spans, spoken_words(evaluation, "test", prepared.source.contract.decoder.labels))


def _begin(ledger: Ledger, settings: BenchSettings, model: str, device: Device, progress: Progress) -> Study:
    now = datetime.now(UTC)
    question = settings.question(device.name)
    started = now.isoformat(timespec="seconds")
    study = Study(f"{now:%Y%m%d-%H%M%S}-{uuid4().hex[:4]}", model, device.name, started, question)
    unfinished = ledger.unfinished_study(study.settings_sha256)
    if unfinished is not None:
        sessions = ledger.sessions(unfinished.study_id, with_arrays=False)
        last_utc = max((session.started_utc for session in sessions), default=unfinished.started_utc)
        if 0 <= (now - datetime.fromisoformat(last_utc)).total_seconds() <= _GO_ON_WITHIN_S:
            done = len(sessions)
            progress.note(f"going on with study {unfinished.study_id}: {done} sessions are in the ledger already")
            return unfinished
        ledger.finish_study(unfinished.study_id, "abandoned")
    ledger.begin_study(study)
    return study
