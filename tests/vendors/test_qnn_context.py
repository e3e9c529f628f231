"""Qualcomm's compiler for real: a graph finished for its processor, loaded again, and compared in the simulator."""

from pathlib import Path

import onnx
import pytest

from orchestrator.domain.recipe import Recipe
from orchestrator.errors import ExportFailed
from orchestrator.make.export.calibration import CalibrationStream
from orchestrator.make.export.exporter import Exporter
from orchestrator.make.models.graph import model_sha256
from orchestrator.make.models.source import ModelSource
from tests import graphs


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory) -> Exporter:
    model = graphs.conv_graph()
    path = graphs.save(model, tmp_path_factory.mktemp("conv") / "conv.onnx")
    source = ModelSource("conv", graphs.conv_contract(model), path, model_sha256(path), None)
    heard = CalibrationStream(tuple(graphs.babble(1.0, seed) for seed in range(3)), max_feeds=60)
    return Exporter(source, tmp_path_factory.mktemp("store"), heard)


def test_the_graph_becomes_a_context(exporter: Exporter) -> None:
    made = exporter.export(Recipe.parse("qnn:int8-static"))
    assert made.suffix == ".qnn.onnx"
    assert made.parity is None
    assert "simulated here" in (made.unproven or "")
    operators = [node.op_type for node in onnx.load(made.path).graph.node]
    assert operators.count("EPContext") == 1
    assert set(operators) <= {"EPContext", "QuantizeLinear", "DequantizeLinear"}


def test_without_the_plug_in_it_says_what_to_install(
    exporter: Exporter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("orchestrator.make.export.qnn.find_spec", lambda name: None)
    fresh = Exporter(exporter.source, tmp_path, exporter.calibration)
    with pytest.raises(ExportFailed, match="no module onnxruntime_qnn") as refused:
        fresh.export(Recipe.parse("qnn:int8-static"))
    assert "pip install onnxruntime-qnn" in (refused.value.hint or "")
