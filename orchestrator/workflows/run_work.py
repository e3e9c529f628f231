"""What a session of ``earshot run`` needs on whatever device: model, artifact and audio, made once."""

import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agents import wire
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadInput, ExportFailed
from orchestrator.ledger.ledger import Ledger
from orchestrator.workflows.candidates import require_a_chunk
from orchestrator.workflows.prepare import Prepared, export_candidates, prepare_model
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.run_settings import RunSettings
from orchestrator.workflows.settings import require_results
from orchestrator.workflows.spoken import SpokenWords, spoken_words
from orchestrator.workflows.user_words import user_words

_OTHER_RECIPE = "choose another --recipe; earshot models export shows which ones this model can have"


@dataclass(frozen=True)
class Made:
    """``words``: when they are spoken in the audio; None where nobody said. ``more_parts``: of the session."""

    artifact: Artifact
    audio: tuple[Path, wire.Blob]
    words: SpokenWords | None = None
    more_parts: dict[str, tuple[Path, wire.Blob]] = field(default_factory=dict)


@dataclass(frozen=True)
class Work:
    """What the session needs on whatever device: made once, and the same for all of them.

    ``making`` may still be under way: ``artifact`` and ``audio`` wait for it, and raise what went wrong.
    """

    settings: RunSettings
    ledger: Ledger
    making: Future[Made]

    @property
    def artifact(self) -> Artifact:
        return self.making.result().artifact

    @property
    def audio(self) -> tuple[Path, wire.Blob]:
        return self.making.result().audio

    @property
    def words(self) -> SpokenWords | None:
        return self.making.result().words

    @property
    def more_parts(self) -> dict[str, tuple[Path, wire.Blob]]:
        return self.making.result().more_parts

    @property
    def sample_rate_hz(self) -> int:
        return self.artifact.contract.sample_rate_hz


@contextmanager
def prepared_work(settings: RunSettings, progress: Progress) -> Iterator[Work]:
    """Model, artifact and audio, and the ledger. Raises EarshotError where they cannot be had.

    What was made before is read while the device is reached; no device waits for an export.
    """
    require_results(settings.results)
    path = settings.results / "ledger.db"
    if not path.exists():
        # A model that cannot be run leaves no folder behind.
        prepare_model(settings.model, settings.results / "models")
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(1) as beside:
        making = beside.submit(_make, settings, Path(scratch), progress)
        with Ledger.open(path) as ledger:
            if all(known.recipe != settings.recipe for known in ledger.artifacts(settings.model)):
                making.result()
            yield Work(settings, ledger, making)


def _make(settings: RunSettings, scratch: Path, progress: Progress) -> Made:
    prepared = prepare_model(settings.model, settings.results / "models")
    if settings.audio is None and prepared.evaluation is None:
        raise BadInput(
            f"{prepared.source.name} has no evaluation set to stream", hint="give it audio: --audio FILE.wav"
        )
    more = user_words(prepared.source, settings.user_words)
    audio = _audio(settings, prepared, scratch)
    artifact = exported_one(prepared, settings.recipe, settings.results, progress)
    return Made(artifact, audio, _words(settings, prepared), more)


def exported_one(prepared: Prepared, recipe: Recipe, results: Path, progress: Progress) -> Artifact:
    """The artifact of one recipe. Raises ExportFailed where it was refused."""
    exported = export_candidates(prepared, [recipe], results / "artifacts", jobs=os.cpu_count() or 1, progress=progress)
    artifact = next((a for a in exported.artifacts if a.recipe == recipe), None)
    if artifact is None:
        refused = next(r for r in exported.refusals if r.recipe == recipe)
        raise ExportFailed(f"{recipe} was refused: {refused.reason}", hint=refused.hint or _OTHER_RECIPE)
    return artifact


def _words(settings: RunSettings, prepared: Prepared) -> SpokenWords | None:
    if settings.audio is not None:
        return None
    return spoken_words(prepared.needed_evaluation(), settings.split, prepared.source.contract.decoder.labels)


def _audio(settings: RunSettings, prepared: Prepared, scratch: Path) -> tuple[Path, wire.Blob]:
    contract = prepared.source.contract
    if settings.audio is None:
        evaluation = prepared.needed_evaluation()
        path, blob, _ = evaluation.wav(settings.split, scratch)
        heard = len(evaluation.pcm(settings.split))
        require_a_chunk(contract, contract.chunk_samples, heard, f"split {settings.split} of the evaluation set")
        return path, blob
    from orchestrator.make.quality.audio import read_audio, write_wav

    rate = contract.sample_rate_hz
    path, samples = scratch / "own.wav", read_audio(settings.audio, rate)
    require_a_chunk(contract, contract.chunk_samples, len(samples), str(settings.audio))
    return path, write_wav(path, samples, rate)
