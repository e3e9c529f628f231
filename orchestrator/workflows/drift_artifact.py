"""What ``earshot drift`` compares: an artifact, by recipe, hash or file, and the model that it was made of."""

import os
from dataclasses import dataclass
from pathlib import Path

from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadInput, ExportFailed
from orchestrator.make.export.store import PROVENANCE_FILE
from orchestrator.make.export.stored import (
    NamedArtifact,
    by_file,
    by_hash,
    looks_like_a_hash,
    require_same_contract,
)
from orchestrator.make.models.library import model_names
from orchestrator.workflows.prepare import Prepared, export_candidates, prepare_model
from orchestrator.workflows.progress import Progress


@dataclass(frozen=True)
class Compared:
    """``label`` names the artifact to a person: its recipe, or its file."""

    prepared: Prepared
    path: Path
    sha256: str
    label: str


def find_compared(what: str, recipe: Recipe, against: str | None, results: Path, progress: Progress) -> Compared:
    """Raises BadInput for what is neither a model nor an artifact, and for an artifact of another model."""
    models_dir, artifacts_dir = results / "models", results / "artifacts"
    named = _named(what, against, models_dir, artifacts_dir)
    if named is not None:
        return _of_its_model(named, against, models_dir)
    if against is not None:
        raise BadInput(
            f"--against says what an artifact was made of, and {what} is a model",
            hint=f"earshot drift {what} compares a recipe of it with its fp32 source",
        )
    prepared = prepare_model(what, models_dir)
    jobs = os.cpu_count() or 1
    exported = export_candidates(prepared, [recipe], artifacts_dir, jobs=jobs, progress=progress)
    artifact = next((a for a in exported.artifacts if a.recipe == recipe), None)
    if artifact is None:
        raise ExportFailed(f"{recipe} was refused: {exported.refusals[0].reason}", hint="choose another --recipe")
    return Compared(prepared, artifact.path, artifact.sha256, str(recipe))


def _named(what: str, against: str | None, models_dir: Path, artifacts_dir: Path) -> NamedArtifact | None:
    """None: ``what`` means a model."""
    path = Path(what)
    if what in model_names(models_dir):
        return None
    is_path = path.suffix in (".onnx", ".ort", ".tflite") or os.sep in what
    if is_path and (against is not None or path.suffix == ".ort" or (path.parent / PROVENANCE_FILE).is_file()):
        return by_file(path)
    if not is_path and looks_like_a_hash(what):
        return by_hash(artifacts_dir, what)
    return None


def _of_its_model(named: NamedArtifact, against: str | None, models_dir: Path) -> Compared:
    prepared = prepare_model(against or named.contract.model, models_dir)
    source, made_of = prepared.source, named.record.provenance.source_sha256 if named.record else None
    require_same_contract(named.contract, source.contract, named.label)
    if made_of is not None and made_of != source.sha256:
        raise BadInput(
            f"{named.label} {named.sha256[:12]} was made of another graph ({made_of[:12]}) than {source.name} is "
            f"now ({source.sha256[:12]})",
            hint=f"export it again: earshot models export {source.name}",
        )
    return Compared(prepared, named.path, named.sha256, named.label)
