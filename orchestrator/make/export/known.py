"""What was exported of a model before. Imports no exporter: those take 0.3 s, and mostly there is nothing to export."""

import hashlib
import json
from functools import cached_property
from pathlib import Path

from agents.contract import StreamContract
from agents.strict_json import to_json
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.recipe import Recipe
from orchestrator.make.export.calibration import CalibrationStream
from orchestrator.make.export.formats import tools
from orchestrator.make.export.store import ArtifactStore
from orchestrator.make.models.source import ModelSource

# Part of every cache key: raise it when the same recipe should give other bytes than before.
REVISION = 1


class KnownArtifacts:
    """The store's artifacts of one model with one calibration."""

    def __init__(self, source: ModelSource, out_dir: Path, calibration: CalibrationStream | None) -> None:
        self.source = source
        self.store = ArtifactStore(out_dir)
        self.calibration = calibration

    def key(self, recipe: Recipe) -> str:
        """Hash over all that the artifact and its proof depend on."""
        calibration = self.calibration.sha256 if self.calibration else None
        parts = [REVISION, self.source.sha256, to_json(self.source.contract), str(recipe), tools(recipe.format)]
        own = [self._tflite_sha256] if recipe.format == "litert" else []
        return hashlib.sha256(json.dumps([*parts, calibration, *own], sort_keys=True).encode()).hexdigest()

    @cached_property
    def _tflite_sha256(self) -> str | None:
        path = self.source.tflite_path
        return hashlib.sha256(path.read_bytes()).hexdigest() if path else None

    def contract_of(self, recipe: Recipe) -> StreamContract:
        return self.source.contract_of(recipe.format)

    def find(self, recipe: Recipe) -> Artifact | None:
        """The artifact of ``recipe`` where the store has it, unharmed."""
        return self.store.find(self.key(recipe), self.contract_of(recipe))
