"""What was exported of a model before. Imports no exporter: those take 0.3 s, and mostly there is nothing to export."""

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Self

from agents.contract import StreamContract
from agents.strict_json import to_json
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.recipe import Recipe
from orchestrator.make.export.calibration import CalibrationStream
from orchestrator.make.export.formats import tools
from orchestrator.make.export.module_graphs import module_tools, with_graphs
from orchestrator.make.export.step_source import split, step_source
from orchestrator.make.export.store import ArtifactStore
from orchestrator.make.models.source import ModelSource
from orchestrator.make.train.tuned import WEIGHTS, source_of

# Part of every cache key: raise it when the same recipe should give other bytes than before.
REVISION = 2


class KnownArtifacts:
    """The store's artifacts of one model with one calibration.

    ``weights``: the name of those that its source has; empty: the model's own.
    """

    weights = ""

    def __init__(self, source: ModelSource, out_dir: Path, calibration: CalibrationStream | None) -> None:
        self.source = with_graphs(source, out_dir)
        self.store = ArtifactStore(out_dir)
        self.calibration = calibration

    def key(self, recipe: Recipe) -> str:
        """Hash over all that the artifact and its proof depend on."""
        calibration = self.calibration.sha256 if self.calibration else None
        parts = [REVISION, self.source.sha256, to_json(self.source.contract), str(recipe), self.tools(recipe)]
        own = [self._tflite_sha256] if recipe.format == "litert" else []
        own += [self._module_sha256] if self._takes_module(recipe) else []
        return hashlib.sha256(json.dumps([*parts, calibration, *own], sort_keys=True).encode()).hexdigest()

    @cached_property
    def _tflite_sha256(self) -> str | None:
        path = self.source.tflite_path
        return hashlib.sha256(path.read_bytes()).hexdigest() if path else None

    @cached_property
    def _module_sha256(self) -> str | None:
        return self.source.module.sha256 if self.source.module else None

    def _takes_module(self, recipe: Recipe) -> bool:
        """Whether torch has a hand in it."""
        if self.source.module is None:
            return False
        if recipe.format == "onnx":
            axes = recipe.get("exporter", "") + recipe.get("opset", "")
            return self.source.onnx_path is None or bool(axes)
        return recipe.format != "litert" or self.source.tflite_path is None

    def tools(self, recipe: Recipe) -> dict[str, str]:
        """Versions of the packages that have a hand in it."""
        made_by = module_tools(recipe.format) if self._takes_module(recipe) else {}
        return {**tools(recipe.format), **made_by}

    def contract_of(self, recipe: Recipe) -> StreamContract:
        return self.source.contract_of(recipe.format)

    def find(self, recipe: Recipe) -> Artifact | None:
        """The artifact of ``recipe`` where the store has it, unharmed."""
        if self._other_weights(recipe):
            # Weights that nobody kept are told by who exports.
            known = recipe.get(WEIGHTS, "") in self.source.tuned
            return self._with_weights(recipe).find(recipe) if known else None
        key = self.key(recipe) if self.source.step_module is None else self.whole_key(recipe)
        return self.store.find(key, self.contract_of(recipe))

    def _other_weights(self, recipe: Recipe) -> bool:
        return recipe.get(WEIGHTS, "") != self.weights

    def _with_weights(self, recipe: Recipe) -> Self:
        """The same for the weights that ``recipe`` names. Raises BadRecipe where nobody kept those."""
        name = recipe.get(WEIGHTS, "")
        if name not in self._tuned:
            self._tuned[name] = type(self)(source_of(self.source, recipe), self.store.folder, self.calibration)
            self._tuned[name].weights = name
        return self._tuned[name]

    @cached_property
    def _tuned(self) -> dict[str, Self]:
        return {}

    def whole_key(self, recipe: Recipe) -> str:
        """Of a transducer's artifact: hash over the keys of both graphs and the lexicon."""
        graph, step = split(recipe)
        parts = ["whole", self.key(graph), self.steps(recipe.format).key(step), self._lexicon_sha256]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def steps(self, format_: str) -> "KnownArtifacts":
        """Those of the transducer's step graph."""
        return KnownArtifacts(step_source(self.source, format_), self.store.folder, self.calibration)

    @cached_property
    def _lexicon_sha256(self) -> str | None:
        path = self.source.lexicon_path
        return hashlib.sha256(path.read_bytes()).hexdigest() if path else None
