"""A recipe, carried out: source graph in, artifact proven equal to it out."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from agents.contract import StreamContract
from orchestrator.domain.artifact import GRAPH, LEXICON, STEP, Artifact, Parity, Provenance
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import EarshotError, ExportFailed
from orchestrator.make.export.calibration import CalibrationStream
from orchestrator.make.export.formats import Format, Made, open_format
from orchestrator.make.export.known import KnownArtifacts
from orchestrator.make.export.parity import check_endurance, check_parity, parity_words
from orchestrator.make.export.quiet import captured, worth_keeping
from orchestrator.make.export.reference_output import Reference, reference_of_source
from orchestrator.make.export.step_export import StepExporter, calls_of
from orchestrator.make.export.step_source import require_no_step, split
from orchestrator.make.models.probe_audio import probe_audio
from orchestrator.make.models.source import ModelSource
from orchestrator.make.models.stepping import Feeds

_PARITY_S = 8.0
_OUR_FAULTS = (EarshotError, KeyboardInterrupt, SystemExit)


def export(
    source: ModelSource, recipe: Recipe, out_dir: Path, calibration: CalibrationStream | None = None
) -> Artifact:
    """The artifact of ``recipe``, from the store at ``out_dir`` where it was made before.

    Raises BadRecipe for an exclusion that the graph does not have, ParityFailed, and ExportFailed with the exporter's
    own reason.
    """
    return Exporter(source, out_dir, calibration).export(recipe)


class Exporter(KnownArtifacts):
    """Exports of one model: calibration feeds and reference outputs are computed once, when first needed."""

    def export(self, recipe: Recipe) -> Artifact:
        if self._other_weights(recipe):
            return self._with_weights(recipe).export(recipe)
        if self.source.step_module is not None:
            return self.find(recipe) or self._compose(recipe)
        require_no_step(recipe, self.source.name)
        return self.find(recipe) or self._make(recipe)

    def _compose(self, recipe: Recipe) -> Artifact:
        """A transducer's two graphs and its lexicon, each made only where the store lacks it."""
        graph_recipe, step_recipe = split(recipe)
        contract = self.contract_of(recipe)
        graph = self.store.find(self.key(graph_recipe), contract) or self._make(graph_recipe)
        step = self._steps(recipe.format).export(step_recipe)
        parts = {GRAPH: graph.files[GRAPH], STEP: step.files[GRAPH]}
        if self.source.lexicon_path is not None:
            path = self.source.lexicon_path
            parts[LEXICON] = self.store.put_file(path.read_bytes(), f"lexicon{path.suffix}")
        of_step = f"step graph: {step.recipe}, {parity_words(step.parity)}"
        notes = dict.fromkeys((*graph.provenance.notes, of_step, *step.provenance.notes))
        provenance = replace(graph.provenance, recipe=str(recipe), notes=tuple(notes))
        key = self.whole_key(recipe)
        return self.store.compose(key, recipe, contract, provenance, graph.parity, parts, graph.unproven)

    def _steps(self, format_: str) -> StepExporter:
        return StepExporter(self.steps(format_), self.source, self._calls)

    def _calls(self) -> list[Feeds]:
        if self._asked is None:
            self._asked = calls_of(self.source, self._parity_audio())
        return self._asked

    _asked: list[Feeds] | None = None

    def _make(self, recipe: Recipe) -> Artifact:
        started = time.monotonic()
        contract, format_ = self.contract_of(recipe), self._format(recipe.format)
        with TemporaryDirectory(prefix="earshot-export-") as scratch_name, captured() as said:
            scratch = Path(scratch_name)
            with _mapped(recipe):
                made = format_.make(recipe, scratch)
            parity = self._proven(made, contract, recipe, scratch)
        static = format_.calibrates(recipe) and self.calibration is not None
        provenance = Provenance(
            source_sha256=self.source.sha256,
            recipe=str(recipe),
            opset=made.opset,
            tools=self.tools(recipe),
            created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
            calibration_sha256=self.calibration.sha256 if static and self.calibration else None,
            calibration_chunks=len(self._feeds) if static else 0,
            duration_s=round(time.monotonic() - started, 3),
            notes=(*self._how_proven(parity), *made.notes, *worth_keeping(said)),
        )
        return self.store.save(
            self.key(recipe), made.content, made.suffix, recipe, contract, provenance, parity, made.unproven
        )

    def _proven(self, made: Made, contract: StreamContract, recipe: Recipe, scratch: Path) -> Parity | None:
        if made.unproven is not None:
            return None
        path = scratch / f"artifact{made.suffix}"
        path.write_bytes(made.content)
        parity = check_parity(replace(self._reference, contract=contract), path, recipe.precision)
        check_endurance(contract, self._parity_audio(), path)
        return parity

    def _how_proven(self, parity: Parity | None) -> tuple[str, ...]:
        return () if parity is None else (f"parity: {self._reference.how}", self._heard)

    def _format(self, name: str) -> Format:
        if name not in self._formats:
            self._formats[name] = open_format(name, self.source, lambda: self._feeds)
        return self._formats[name]

    @cached_property
    def _formats(self) -> dict[str, Format]:
        return {}

    @cached_property
    def _feeds(self) -> list[Feeds]:
        if self.calibration is None:
            raise ExportFailed(
                f"{self.source.name} has no calibration audio, and static quantization needs it",
                hint="give it recordings, or use int8-dynamic",
            )
        return self.calibration.feeds(self.source)

    @cached_property
    def _reference(self) -> Reference:
        return reference_of_source(self.source, self._parity_audio())

    @property
    def _heard(self) -> str:
        return "parity audio: " + ("calibration recordings" if self.calibration else "a synthetic probe signal")

    def _parity_audio(self) -> list[NDArray[np.int16]]:
        rate_hz = self.source.contract.sample_rate_hz
        longest = max(self.source.contract.allowed_chunk_samples)
        heard = [u for u in self.calibration.utterances if len(u) >= longest] if self.calibration else []
        if not heard:
            return [probe_audio(rate_hz, _PARITY_S)]
        ends = np.cumsum([len(u) for u in heard])
        return heard[: max(1, int(np.searchsorted(ends, _PARITY_S * rate_hz)))]


@contextlib.contextmanager
def _mapped(recipe: Recipe) -> Iterator[None]:
    """Whatever an exporter raises becomes ExportFailed with its own words."""
    try:
        yield
    except _OUR_FAULTS:
        raise
    except Exception as exc:
        fault = str(exc).strip().splitlines()[0][:300] if str(exc).strip() else "no message"
        raise ExportFailed(f"{recipe.precision} failed: {type(exc).__name__}: {fault}") from exc
