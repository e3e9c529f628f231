"""LiteRT artifacts of the reference models and of a .tflite file alone, quantized here without torch."""

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadRecipe, EarshotError, ExportFailed, ParityFailed
from orchestrator.make.export.calibration import CalibrationStream
from orchestrator.make.export.exporter import Exporter
from orchestrator.make.models.library import find_model, import_model
from orchestrator.make.models.source import ModelSource
from orchestrator.make.models.tflite import open_interpreter, read_tflite
from tests import graphs
from tests.agents.device import contract
from tests.orchestrator.make.export.test_reference_exports import recordings
from tests.tflite import HIDDEN, leaky_tflite


@pytest.fixture(scope="module")
def exporters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Exporter]:
    folder = tmp_path_factory.mktemp("litert")
    sources = [find_model(name, folder) for name in ("kws", "digits-lstm")]
    return {s.name: Exporter(s, folder / "artifacts", recordings(s)) for s in sources}


@pytest.mark.parametrize(
    ("name", "least_snr_db"),
    [
        (
            "kws",
            {
                "litert:fp16": 45,
                "litert:int8-dynamic": 35,
                "litert:int8-static": 25,
                "litert:int8-static(only_types=CONV_2D+DEPTHWISE_CONV_2D)": 25,
                "litert:int8-weight": 35,
            },
        ),
        (
            "digits-lstm",
            {
                "litert:fp16": 45,
                "litert:int8-dynamic": 35,
                "litert:int8-static(only_types=FULLY_CONNECTED)": 25,
                "litert:int8-static(activation=s16)": 30,
                "litert:int4-weight": 15,
            },
        ),
    ],
)
def test_precision_of_the_reference_models(
    exporters: dict[str, Exporter], name: str, least_snr_db: dict[str, float]
) -> None:
    exporter = exporters[name]
    plain = exporter.export(Recipe.parse("litert:fp32"))
    assert plain.path.read_bytes() == exporter.source.needed_tflite.read_bytes()
    assert plain.parity.max_abs <= 1e-4, "against the ONNX graph, over whole recordings"
    assert plain.contract.allowed_chunk_samples == (plain.contract.chunk_samples,)
    assert plain.contract.states == exporter.source.contract.states
    for recipe, least in least_snr_db.items():
        artifact = exporter.export(Recipe.parse(recipe))
        assert artifact.suffix == ".tflite"
        assert artifact.parity.snr_db is not None
        assert artifact.parity.snr_db >= least, recipe
        assert artifact.size_bytes < 0.6 * plain.size_bytes
        assert {"ai-edge-litert", "ai-edge-quantizer"} < set(artifact.provenance.tools)


def test_ranges_are_the_extremes_and_no_average(exporters: dict[str, Exporter]) -> None:
    """The quantizer's own way, a moving average, clips what is rare: it does not even pass here."""
    exporter = exporters["kws"]
    extremes = exporter.export(Recipe.parse("litert:int8-static(calibration=minmax)"))
    assert extremes.sha256 == exporter.export(Recipe.parse("litert:int8-static")).sha256
    found = refusal(exporter, "litert:int8-static(calibration=average)", ParityFailed)
    assert "int8-static .tflite does not equal its source" in found.message


@pytest.mark.parametrize("recipe", ["litert:int8-static", "litert:int8-static(activation=s16)"])
def test_inputs_and_outputs_stay_float(exporters: dict[str, Exporter], recipe: str) -> None:
    graph = read_tflite(exporters["digits-lstm"].export(Recipe.parse(recipe)).path)
    assert {p.dtype for p in (*graph.inputs, *graph.outputs)} == {"float32"}


def test_only_what_is_named_is_quantized(exporters: dict[str, Exporter]) -> None:
    artifact = exporters["kws"].export(Recipe.parse("litert:int8-static(exclude_types=DEPTHWISE_CONV_2D)"))
    interpreter = open_interpreter(artifact.path)
    types = {d["index"]: d["dtype"] for d in interpreter.get_tensor_details()}
    weights = {
        kind: {types[int(n["inputs"][1])] for n in interpreter._get_ops_details() if n["op_name"] == kind}
        for kind in ("CONV_2D", "DEPTHWISE_CONV_2D")
    }
    assert weights == {"CONV_2D": {np.int8}, "DEPTHWISE_CONV_2D": {np.float32}}


def test_the_same_recipe_gives_the_same_bytes(exporters: dict[str, Exporter], tmp_path: Path) -> None:
    one = exporters["digits-lstm"]
    other = Exporter(one.source, tmp_path, one.calibration)
    recipe = Recipe.parse("litert:int8-static(only_types=FULLY_CONNECTED)")
    assert other.export(recipe).sha256 == one.export(recipe).sha256


def refusal(exporter: Exporter, recipe: str, kind: type[EarshotError]) -> EarshotError:
    with pytest.raises(kind) as refused:
        exporter.export(Recipe.parse(recipe))
    return refused.value


def test_an_operator_that_the_graph_lacks_is_named(exporters: dict[str, Exporter]) -> None:
    found = refusal(exporters["digits-lstm"], "litert:int8-dynamic(only_types=FULL_CONNECTED)", BadRecipe)
    assert (found.message, found.hint) == (
        "only_types: the graph has no operator FULL_CONNECTED",
        "nearest: FULLY_CONNECTED, CONCATENATION",
    )
    found = refusal(exporters["kws"], "litert:int8-dynamic(only_types=ADD,exclude_types=ADD)", BadRecipe)
    assert "leaves no operator to quantize" in found.message


def test_a_recipe_without_effect_is_refused(exporters: dict[str, Exporter]) -> None:
    found = refusal(exporters["digits-lstm"], "litert:int8-dynamic(only_types=SLICE)", ExportFailed)
    assert found.message.startswith("int8-dynamic failed: ") or "changes nothing in this graph" in found.message


def test_what_gives_no_numbers_is_refused(exporters: dict[str, Exporter]) -> None:
    """LiteRT has no kernel for dynamic convolutions whose weights share one scale, and says nothing."""
    found = refusal(exporters["kws"], "litert:int8-dynamic(granularity=tensor)", ParityFailed)
    assert "output logits of artifact.tflite is not finite in chunk 0" in found.message


def test_static_needs_recordings(tmp_path: Path) -> None:
    exporter = Exporter(find_model("kws", tmp_path), tmp_path / "artifacts", None)
    assert "has no calibration audio" in refusal(exporter, "litert:int8-static", ExportFailed).message


def test_without_the_quantizer_fp32_is_still_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("ai_edge_quantizer") or name.endswith("litert_quantize"):
            raise ModuleNotFoundError(f"No module named {name.split('.')[0]!r}")
        return real(name, *args, **kwargs)

    exporter = Exporter(find_model("digits-lstm", tmp_path), tmp_path / "artifacts", None)
    monkeypatch.setattr(builtins, "__import__", without)
    assert exporter.export(Recipe.parse("litert:fp32")).parity.passed
    found = refusal(exporter, "litert:int8-dynamic", ExportFailed)
    assert found.message.startswith("litert:int8-dynamic needs ai-edge-quantizer: No module named")
    assert found.hint == "pip install 'earshot[quantize]' (150 MB, without torch)"


def test_an_onnx_graph_alone_has_no_litert_artifacts(conv: ModelSource, store: Path) -> None:
    found = refusal(Exporter(conv, store, None), "litert:fp32", ExportFailed)
    assert found.message == "conv has no .tflite file, and nothing turns its ONNX graph into one"
    assert "your-tflite.md" in (found.hint or "")


def test_a_tflite_file_alone(tmp_path: Path) -> None:
    """Proven against LiteRT's own reference kernels, calibrated by streaming itself."""
    path = tmp_path / "leaky.tflite"
    path.write_bytes(leaky_tflite())
    source = import_model(path, contract(allowed_chunk_samples=(160,)), tmp_path / "models")
    exporter = Exporter(source, tmp_path / "artifacts", CalibrationStream((graphs.babble(1.0, 0),), max_feeds=40))
    plain = exporter.export(Recipe.parse("litert:fp32"))
    assert plain.sha256 == source.sha256
    assert plain.provenance.notes[0].startswith("parity: stepped by LiteRT's reference kernels, because")
    quantized = exporter.export(Recipe.parse("litert:int8-static(only_types=FULLY_CONNECTED)"))
    assert quantized.contract.states[0].shape == (1, HIDDEN)
    found = refusal(exporter, "litert:int8-static", ExportFailed)
    assert "no graph that LiteRT runs: tflite/kernels/activations.cc" in found.message, "the tool's own words"
    found = refusal(exporter, "onnx:fp32", ExportFailed)
    assert found.message == "leaky is a .tflite file, and nothing turns one into ONNX"
