"""What all devices of a night need: each model with audio and artifacts, made once before any device is taken."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agents import wire
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.night import Missing
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import EarshotError
from orchestrator.ledger.ledger import Ledger
from orchestrator.workflows.artifact_files import files_of
from orchestrator.workflows.candidates import require_a_chunk
from orchestrator.workflows.model_commit import ModelCommit, model_commit
from orchestrator.workflows.night_settings import NightPlan, WantedModel
from orchestrator.workflows.night_wanted import Planned
from orchestrator.workflows.prepare import Prepared, export_candidates, prepare_model
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.session_runner import Material
from orchestrator.workflows.spoken import spoken_words


@dataclass(frozen=True)
class Ready:
    """``artifacts`` by recipe; ``refused`` says why a recipe has none. ``audio``: of the test split."""

    prepared: Prepared
    commit: ModelCommit | None
    artifacts: dict[Recipe, Artifact]
    refused: dict[Recipe, str]
    audio: tuple[Path, wire.Blob]
    material: Material

    def files(self, artifacts: Sequence[Artifact]) -> list[tuple[Path, wire.Blob]]:
        """What a device needs that runs these."""
        return [self.audio, *(file for artifact in artifacts for file in files_of(artifact))]


def make_ready(
    plan: NightPlan, asked: Planned, results: Path, scratch: Path, ledger: Ledger, progress: Progress
) -> tuple[dict[str, Ready], list[Missing]]:
    """By model. A model that cannot be made ready is missing with the reason; the others go on."""
    ready, missing = {}, []
    for model in plan.models:
        recipes = {w.recipe for shift in asked.shifts for w in shift.wanted if w.model == model.model}
        if not recipes or model.model in ready:
            continue
        try:
            ready[model.model] = _ready(model, sorted(recipes), results, scratch, progress)
        except EarshotError as exc:
            missing.append(Missing(model.model, exc.message))
            progress.note(f"{model.model} is left out: {exc.message}")
            continue
        for artifact in ready[model.model].artifacts.values():
            ledger.record_artifact(artifact)
    return ready, missing


def _ready(model: WantedModel, recipes: Sequence[Recipe], results: Path, scratch: Path, progress: Progress) -> Ready:
    progress.stage(f"reading {model.model}", steps=1)
    prepared = prepare_model(model.model, results / "models")
    ready = ready_to_stream(prepared, scratch, model_commit(model.model, model.repo))
    exported = export_candidates(prepared, recipes, results / "artifacts", jobs=os.cpu_count() or 1, progress=progress)
    ready.artifacts.update({artifact.recipe: artifact for artifact in exported.artifacts})
    ready.refused.update({refusal.recipe: refusal.reason for refusal in exported.refusals})
    return ready


def ready_to_stream(prepared: Prepared, scratch: Path, commit: ModelCommit | None = None) -> Ready:
    """With its audio below ``scratch``, and no artifact yet. Raises BadInput where it has none to stream."""
    evaluation, contract = prepared.needed_evaluation(), prepared.source.contract
    require_a_chunk(contract, contract.chunk_samples, len(evaluation.pcm("test")), "the evaluation set")
    own = scratch / prepared.source.name
    own.mkdir(parents=True, exist_ok=True)
    path, blob, spans = evaluation.wav("test", own)
    words = spoken_words(evaluation, "test", contract.decoder.labels)
    return Ready(prepared, commit, {}, {}, (path, blob), Material(blob, blob, spans, words))
