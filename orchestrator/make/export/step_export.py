"""Exports of a transducer's step graph: made from its module, proven on what real searches ask it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.domain.artifact import Artifact, Parity, Provenance
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import ExportFailed
from orchestrator.make.export.formats import open_format, tools
from orchestrator.make.export.known import KnownArtifacts
from orchestrator.make.export.parity import demand, figures_of, open_artifact
from orchestrator.make.export.quiet import captured, worth_keeping
from orchestrator.make.export.tolerances import TOLERANCES
from orchestrator.make.models.module import TORCH_HINT
from orchestrator.make.models.source import ModelSource
from orchestrator.make.models.stepping import Feeds

# Calls that calibrate and prove a step graph: as many as some digit strings make.
_CALLS = 256


class StepExporter(KnownArtifacts):
    """Of the transducer ``whole`` in one format. ``calls``: what searches ask it
    (``step_module.asked_in_searches``)."""

    def __init__(self, known: KnownArtifacts, whole: ModelSource, calls: Callable[[], list[Feeds]]) -> None:
        super().__init__(known.source, known.store.folder, known.calibration)
        self._whole, self._calls = whole, calls

    def export(self, recipe: Recipe) -> Artifact:
        return self.find(recipe) or self._make(recipe)

    def _make(self, recipe: Recipe) -> Artifact:
        started = time.monotonic()
        with TemporaryDirectory(prefix="earshot-export-") as scratch_name, captured() as said:
            scratch = Path(scratch_name)
            format_ = open_format(recipe.format, self._source_for(recipe), lambda: self._batches)
            made = format_.make(recipe, scratch)
            parity = None
            if made.unproven is None:
                path = scratch / f"artifact{made.suffix}"
                path.write_bytes(made.content)
                parity = self._parity(path, recipe)
        provenance = Provenance(
            source_sha256=self.source.sha256,
            recipe=str(recipe),
            opset=made.opset,
            tools=tools(recipe.format),
            created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
            calibration_chunks=len(self._feeds) if format_.calibrates(recipe) else 0,
            duration_s=round(time.monotonic() - started, 3),
            notes=(f"parity: {len(self._feeds)} calls of fp32 searches", *made.notes, *worth_keeping(said)),
        )
        contract = self.source.contract
        return self.store.save(
            self.key(recipe), made.content, made.suffix, recipe, contract, provenance, parity, made.unproven
        )

    def _source_for(self, recipe: Recipe) -> ModelSource:
        """With the ONNX graph, whose axis 0 is free; other formats are made for the whole batch."""
        if recipe.format != "onnx":
            return self.source
        search, module = self._whole.contract.search, self._whole.step_module
        assert search is not None
        assert module is not None
        return replace(self.source, onnx_path=self.source.graphs.step_onnx(module, search).path)

    @cached_property
    def _feeds(self) -> list[Feeds]:
        return self._calls()

    @property
    def _batches(self) -> Sequence[Feeds]:
        """The calls with as many rows as the step graph has hypotheses, all alike."""
        return [self._batch(feeds) for feeds in self._feeds]

    def _batch(self, feeds: Feeds) -> Feeds:
        rows = self.source.contract.input.shape[0]
        return {name: np.repeat(feeds[name], rows, axis=0) for name in self._inputs}

    @property
    def _inputs(self) -> list[str]:
        """In the order of the module's arguments, which is all that a .pte file knows of them."""
        contract = self.source.contract
        states, constants = (s.input for s in contract.states), (c.name for c in contract.constants)
        return [contract.input.name, *states, *constants]

    @cached_property
    def _wanted(self) -> list[list[NDArray[Any]]]:
        import torch

        module = self.source.needed_module().load()
        with torch.no_grad():
            answers = [module(*(torch.from_numpy(feeds[name]) for name in self._inputs)) for feeds in self._feeds]
        return [[value.numpy() for value in answer] for answer in answers]

    def _parity(self, path: Path, recipe: Recipe) -> Parity:
        """Over logits and states of every call. Raises ParityFailed, and ExportFailed where it does not run."""
        graph, contract = open_artifact(path), self.source.contract
        names = [*(o.name for o in contract.outputs), *(s.output for s in contract.states)]
        wanted, got = [], []
        for feeds, truth in zip(self._feeds, self._wanted, strict=True):
            try:
                answer = graph.run(names, self._batch(feeds))
            except Exception as exc:  # runtimes' errors share no base class
                raise ExportFailed(f"the step graph does not run: {str(exc)[:300]}") from exc
            wanted += [np.ravel(value).astype(np.float64) for value in truth]
            got += [np.ravel(value[:1]).astype(np.float64) for value in answer]
        tolerance = TOLERANCES[recipe.precision]
        parity = figures_of(np.concatenate(wanted), np.concatenate(got), len(wanted), contract.chunk_samples, tolerance)
        demand(parity, path, f"the step graph's {recipe.precision}")
        return parity


def calls_of(source: ModelSource, audio: Sequence[NDArray[np.int16]]) -> list[Feeds]:
    """What searches over ``audio`` ask the step graph of ``source``. Raises ExportFailed without torch or calls."""
    try:
        from orchestrator.make.export.step_module import asked_in_searches
    except ModuleNotFoundError as exc:
        raise ExportFailed(f"the step graph is proven by torch: {exc}", hint=TORCH_HINT) from exc
    assert source.step_module is not None
    calls = asked_in_searches(source.needed_module().load(), source.step_module.load(), source.contract, audio, _CALLS)
    if not calls:
        raise ExportFailed(f"no recording is as long as a chunk of {source.name}", hint="calibrate with longer ones")
    found: list[Feeds] = calls
    return found
