"""Where rounding harms a graph: on a graph with one outlier channel, a convolution stack and an LSTM."""

from pathlib import Path

import pytest

from orchestrator.domain.recipe import Recipe
from orchestrator.domain.rounds import Sensitivity
from orchestrator.make.export.calibration import CalibrationStream
from orchestrator.make.export.exporter import Exporter
from orchestrator.make.export.graph_edit import excluded_nodes, prepared
from orchestrator.make.models.graph import model_sha256
from orchestrator.make.models.source import ModelSource
from orchestrator.make.quality.evaluation import load_evaluation
from orchestrator.make.quality.sensitivity import SPLIT, Variant, hear, part_of, sensitivity_of
from orchestrator.make.quality.sensitivity_child import sensitivity
from tests import graphs, outlier

SHAPE = outlier.Shape(width=48, hidden=4, spoiled=1)


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> ModelSource:
    return outlier.make(tmp_path_factory.mktemp("outlier"), SHAPE, clips=6)


@pytest.fixture(scope="module")
def calibration(spoiled: ModelSource) -> CalibrationStream:
    assert spoiled.manifest_path is not None
    evaluation = load_evaluation(spoiled.manifest_path, outlier.RATE_HZ)
    return CalibrationStream(tuple(evaluation.samples(u) for u in evaluation.utterances_of("calibration")))


def of(source: ModelSource, text: str, store: Path, calibration: CalibrationStream) -> Sensitivity:
    return sensitivity(Exporter(source, store, calibration), Recipe.parse(text))


@pytest.mark.parametrize("text", ["onnx:int8-qdq(granularity=channel)", "onnx:int8-qoperator", "onnx:int8-dynamic"])
def test_the_layer_that_reads_the_outlier_is_the_worst(
    text: str, spoiled: ModelSource, calibration: CalibrationStream, tmp_path: Path
) -> None:
    found = of(spoiled, text, tmp_path, calibration)
    by_node = {layer.node: layer for layer in found.layers}
    worst = min(found.layers, key=lambda layer: layer.worst_db)
    assert worst.node == "layer_2"
    others = [layer.worst_db for layer in found.layers if layer.node != "layer_2"]
    assert worst.activation_snr_db == worst.worst_db < min(others) - 15.0
    assert worst.whole_snr_db == pytest.approx(0.0, abs=2.0)
    # What only suffers from it is itself in order.
    after = by_node["layer_3"]
    assert after.activation_snr_db is not None
    assert after.activation_snr_db > 30.0
    assert after.whole_snr_db is not None
    assert after.whole_snr_db < 15.0
    assert sum(layer.work_share for layer in found.layers) == pytest.approx(1.0)
    assert set(SHAPE.spoiled_pair) <= set(found.suspects[0].nodes)
    assert "x_2" in found.suspects[0].cause
    assert found.chunk_count >= 12


def test_with_its_pair_in_float_nothing_is_wrong(
    spoiled: ModelSource, calibration: CalibrationStream, tmp_path: Path
) -> None:
    text = "onnx:int8-qdq(exclude_nodes=add_1+layer_1+layer_2+relu_1,granularity=channel)"
    found = of(spoiled, text, tmp_path, calibration)
    assert set(SHAPE.spoiled_pair).isdisjoint(layer.node for layer in found.layers)
    assert min(layer.worst_db for layer in found.layers) > 25.0
    assert sum(layer.work_share for layer in found.layers) < 0.7


@pytest.mark.parametrize(("made", "text"), [("conv", "onnx:int8-qdq"), ("lstm", "onnx:int8-dynamic")])
def test_other_graphs_have_layers_too(made: str, text: str, tmp_path: Path) -> None:
    model = graphs.conv_graph() if made == "conv" else graphs.lstm_graph()
    contract = graphs.conv_contract(model) if made == "conv" else graphs.lstm_contract()
    path = graphs.save(model, tmp_path / "model.onnx")
    source = ModelSource(made, contract, path, model_sha256(path), None)
    found = of(source, text, tmp_path / "store", CalibrationStream((graphs.babble(1.0),), max_feeds=20))
    layers = {layer.node: layer for layer in found.layers}
    assert {"conv_0", "conv_1", "head"} <= layers.keys() if made == "conv" else {"lstm", "head"} == layers.keys()
    heavy = [layer for layer in found.layers if layer.work_share > 0]
    assert sum(layer.work_share for layer in heavy) == pytest.approx(1.0)
    for layer in heavy:
        assert layer.weight_snr_db is not None
        assert 20.0 < layer.weight_snr_db < 70.0
        assert layer.activation_snr_db is not None
        assert 20.0 < layer.activation_snr_db < 70.0


def test_what_cannot_be_analyzed_says_why(spoiled: ModelSource, calibration: CalibrationStream, tmp_path: Path) -> None:
    other = sensitivity_of(spoiled, Recipe.parse("litert:int8-static"), tmp_path, calibration)
    assert other.reason == "layers of litert:int8-static cannot be told apart"
    wrong = sensitivity_of(spoiled, Recipe.parse("onnx:int8-qdq(exclude_nodes=layer_9)"), tmp_path, calibration)
    assert wrong.reason == "exclude_nodes: the graph has no node layer_9"
    assert wrong.layers == wrong.suspects == ()


def test_variants_are_heard_against_fp32_and_twins_are_not_heard_twice(
    spoiled: ModelSource, calibration: CalibrationStream
) -> None:
    assert spoiled.manifest_path is not None
    evaluation = part_of(load_evaluation(spoiled.manifest_path, outlier.RATE_HZ))
    assert len(evaluation.utterances) == len(evaluation.utterances_of(SPLIT)) == 6 * len(outlier.LABELS)
    mixed = "onnx:int8-qdq(exclude_nodes=add_1+layer_1+layer_2+relu_1,granularity=channel)"
    texts = ["onnx:int8-qdq", mixed, mixed.replace("+relu_1", ""), "onnx:int8-qdq(exclude_nodes=layer_9)"]
    variants = [Variant("an idea", Recipe.parse(text), 0.1) for text in texts]
    steps: list[str] = []
    ruined, good, twin, wrong = hear(spoiled, variants, calibration, evaluation, known={}, jobs=1, on_step=steps.append)
    assert ruined.loss is None
    assert "does not equal its source" in str(ruined.refused)
    assert good.loss == pytest.approx(0.0, abs=0.03)
    assert good.snr_db is not None
    assert good.snr_db > 20.0
    assert good.float_share == 0.1
    assert "no node layer_9" in str(wrong.refused)
    assert twin.refused == f"gives the very bytes of {mixed}" or twin.loss is not None
    assert steps == texts


def test_a_name_with_a_star_means_all_that_begin_so(spoiled: ModelSource, tmp_path: Path) -> None:
    model = prepared(spoiled.needed_onnx, tmp_path)
    recipe = Recipe.parse("onnx:int8-qdq(exclude_nodes=layer_*+head)")
    assert excluded_nodes(recipe, model) == ["head", *(f"layer_{i}" for i in range(SHAPE.hidden))]
