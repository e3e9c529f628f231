"""The trained transducers, whose graphs are made by torch: where that is installed, clients are held to them too."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from orchestrator.domain.artifact import GRAPH
from orchestrator.domain.recipe import Recipe
from orchestrator.make.export.exporter import Exporter
from orchestrator.make.models.library import find_model
from orchestrator.make.quality.audio import write_wav
from orchestrator.make.quality.evaluation import load_evaluation
from tests.orchestrator.decide.bundle.bundles import bundle_of, heard_by_agent
from tests.orchestrator.decide.bundle.cases import Case

# Made once for all clients.
_STORE = Path.home() / ".cache" / "earshot" / "client-tests"


def _of(folder: Path, model: str, utterances: int) -> Case:
    source = find_model(model, folder)
    assert source.manifest_path is not None
    rate, size = source.contract.sample_rate_hz, source.contract.chunk_samples
    evaluation = load_evaluation(source.manifest_path, rate)
    said = [evaluation.samples(u) for u in evaluation.utterances_of("test")[:utterances]]
    samples = np.concatenate([part for each in said for part in (each, np.zeros(4 * size, np.int16))])
    artifact = Exporter(source, _STORE, None).export(Recipe.parse("onnx:fp32"))
    parts = {part: file.path for part, file in artifact.files.items() if part != GRAPH}
    write_wav(folder / "audio.wav", samples, rate)
    events = heard_by_agent(artifact.contract, artifact.path, samples, **parts)
    assert len(events) >= utterances
    bundle = bundle_of(model, folder, artifact.path, contract=artifact.contract, **parts)
    frame_s = source.contract.chunk_s() / source.contract.outputs[0].shape[1]
    return Case(bundle, folder / "audio.wav", events, frame_s)


_ALL: dict[str, Callable[[Path], Case]] = {
    "digits-conformer": lambda folder: _of(folder, "digits-conformer", 5),
    "gesture-rnnt": lambda folder: _of(folder, "gesture-rnnt", 10),
}
REAL = _ALL if find_spec("torch") else {}
