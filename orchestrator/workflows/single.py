"""``earshot run``: one session of one configuration."""

import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from agents import wire
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.recipe import Recipe
from orchestrator.domain.session import Session
from orchestrator.domain.study import Study
from orchestrator.errors import BadInput, ExportFailed
from orchestrator.ledger.ledger import Ledger
from orchestrator.make.quality.audio import read_audio, write_wav
from orchestrator.measure.deploy.push import push_blobs
from orchestrator.measure.lab.inventory import find_device, load_lab
from orchestrator.workflows.candidates import candidates_for
from orchestrator.workflows.prepare import (
    Prepared,
    blob_of,
    deploy_agent,
    export_candidates,
    prepare_model,
    push_material,
)
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.session_runner import Material, SessionRunner
from orchestrator.workflows.settings import require_duration, require_results

_OTHER_RECIPE = "choose another --recipe; earshot models export shows which ones this model can have"


@dataclass(frozen=True)
class RunSettings:
    """``provider`` None: CPU. ``audio`` None: the model's evaluation set. ``seconds`` of audio, looped."""

    model: str
    recipe: Recipe
    mode: str = "paced"
    device: str = "local"
    lab: Path | None = None
    results: Path = Path("earshot-results")
    provider: str | None = None
    threads: int = 1
    seconds: float = 10.0
    audio: Path | None = None

    def __post_init__(self) -> None:
        require_duration("seconds", self.seconds)
        if self.mode not in ("paced", "flat-out"):
            raise BadInput(f"mode must be paced or flat-out, got {self.mode!r}")


def run_one(settings: RunSettings, progress: Progress) -> tuple[Session, int]:
    """The finished session, failed or not, and its sample rate in Hz; it is in the ledger.

    Raises EarshotError where none could be started.
    """
    require_results(settings.results)
    device = find_device(load_lab(settings.lab), settings.device)
    prepared = prepare_model(settings.model, settings.results / "models")
    if settings.audio is None and prepared.evaluation is None:
        raise BadInput(
            f"{prepared.source.name} has no evaluation set to stream", hint="give it audio: --audio FILE.wav"
        )
    settings.results.mkdir(parents=True, exist_ok=True)
    with Ledger.open(settings.results / "ledger.db") as ledger, tempfile.TemporaryDirectory() as scratch:
        own_audio = _own_audio(settings, prepared, Path(scratch))
        exported = export_candidates(
            prepared, [settings.recipe], settings.results / "artifacts", jobs=os.cpu_count() or 1, progress=progress
        )
        artifact = next((a for a in exported.artifacts if a.recipe == settings.recipe), None)
        if artifact is None:
            raise ExportFailed(f"{settings.recipe} was refused: {exported.refusals[0].reason}", hint=_OTHER_RECIPE)
        ledger.record_artifact(artifact)
        agent, environment = deploy_agent(device, progress)
        with agent.transport:
            if own_audio is None:
                material = push_material(agent, prepared, [artifact], Path(scratch), progress)
            else:
                push_blobs(agent, [(artifact.path, blob_of(artifact)), own_audio])
                material = {"test": Material(own_audio[1], own_audio[1], ())}
            candidate = _candidate(settings, candidates_for([artifact], environment.probe, threads=[settings.threads]))
            study = _study(settings)
            ledger.begin_study(study)
            runner = SessionRunner(ledger, study, agent, environment, material, {artifact.sha256: artifact}, progress)
            progress.stage(settings.mode, steps=1, expected_s=settings.seconds if settings.mode == "paced" else None)
            status = "abandoned"
            try:
                (session,) = runner.run_all([runner.plan(candidate, settings.mode, seconds=settings.seconds)])
                status = "finished"
            finally:
                # Nobody goes on with a single session: the next one is a study of its own.
                ledger.finish_study(study.study_id, status)
    return session, prepared.source.contract.sample_rate_hz


def _own_audio(settings: RunSettings, prepared: Prepared, scratch: Path) -> tuple[Path, wire.Blob] | None:
    if settings.audio is None:
        return None
    rate = prepared.source.contract.sample_rate_hz
    path = scratch / "own.wav"
    return path, write_wav(path, read_audio(settings.audio, rate), rate)


def _candidate(settings: RunSettings, candidates: list[Candidate]) -> Candidate:
    wanted = settings.provider or "CPUExecutionProvider"
    for candidate in candidates:
        # The fp32 graph comes with its one-thread default beside what was asked for.
        if candidate.provider in (wanted, f"{wanted}ExecutionProvider") and candidate.threads == settings.threads:
            return candidate
    usable = ", ".join(sorted({c.provider for c in candidates}))
    raise BadInput(f"execution provider {wanted} cannot be used on {settings.device}", hint=f"usable there: {usable}")


def _study(settings: RunSettings) -> Study:
    now = datetime.now(UTC)
    return Study(
        study_id=f"{now:%Y%m%d-%H%M%S}-{uuid4().hex[:4]}",
        model=settings.model,
        device=settings.device,
        started_utc=now.isoformat(timespec="seconds"),
        settings={
            "workflow": "run",
            "mode": settings.mode,
            "recipe": str(settings.recipe),
            "seconds": settings.seconds,
            "audio": str(settings.audio) if settings.audio else None,
        },
    )
