"""The built models in every format that torch makes here, each proven against the model by its exporter."""

from pathlib import Path

import pytest

from orchestrator.domain.recipe import Recipe
from orchestrator.make.export.calibration import CalibrationStream
from orchestrator.make.export.exporter import export
from orchestrator.make.models.library import find_model
from orchestrator.make.quality.evaluation import load_evaluation

# Of the converters' own imports and calls.
pytestmark = pytest.mark.filterwarnings("ignore")
FORMATS = ("litert:fp32", "executorch:fp32", "torchscript:fp32")


@pytest.mark.parametrize(
    ("model", "recipe"),
    [
        *[("silero-vad", recipe) for recipe in ("onnx:fp32(exporter=dynamo)", *FORMATS)],
        *[("causal-lm", recipe) for recipe in ("onnx:fp32", "onnx:int8-dynamic", *FORMATS)],
        *[("whisper-encoder", recipe) for recipe in ("onnx:fp32", *FORMATS)],
    ],
)
def test_equals_the_model(model: str, recipe: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    source = find_model(model, Path("/absent"))
    assert source.manifest_path is not None
    found = load_evaluation(source.manifest_path, source.contract.sample_rate_hz)
    heard = tuple(found.samples(u) for u in found.utterances_of("calibration")[:2])
    # One folder for all: a module's ONNX graph and the module's own outputs are made once.
    out = tmp_path_factory.getbasetemp() / "artifacts"
    artifact = export(source, Recipe.parse(recipe), out, CalibrationStream(heard))
    assert artifact.parity is not None
    least_db = 20.0 if "int8" in recipe else 100.0
    assert artifact.parity.snr_db is None or artifact.parity.snr_db > least_db
