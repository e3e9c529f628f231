"""Axes of ONNX recipes where there is no torch: what needs a module says so, what does not is done."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from orchestrator.domain.recipe import Recipe
from orchestrator.errors import ExportFailed
from orchestrator.make.export.exporter import Exporter
from orchestrator.make.export.known import KnownArtifacts
from orchestrator.make.models.graph import opset_of
from orchestrator.make.models.module import ModuleRef
from orchestrator.make.models.source import ModelSource

without_torch = pytest.mark.parametrize(
    "recipe", ["onnx:fp32", "onnx:int8-qdq(opset=18)", "litert:fp32"] if not importlib.util.find_spec("torch") else []
)


def of_module(source: ModelSource, file: Path, text: str = "def build(): ...\n") -> ModelSource:
    """The same contract, and nothing but a module."""
    file.write_text(text)
    ref = ModuleRef(f"{file}:build", (), (file,))
    return replace(source, onnx_path=None, module=ref, sha256=ref.sha256)


def test_a_foreign_graph_is_converted_to_another_opset(conv: ModelSource, store: Path) -> None:
    artifact = Exporter(conv, store, None).export(Recipe.parse("onnx:fp32(opset=20)"))
    assert opset_of(onnx.load(artifact.path)) == 20
    assert artifact.provenance.opset == 20
    assert "converted to opset 20 by onnx" in artifact.provenance.notes
    assert artifact.parity is not None
    assert artifact.parity.passed


def test_an_exporter_of_torch_needs_a_module(conv: ModelSource, store: Path) -> None:
    with pytest.raises(ExportFailed, match="made from a PyTorch module only") as caught:
        Exporter(conv, store, None).export(Recipe.parse("onnx:fp32(exporter=dynamo)"))
    assert caught.value.hint is not None
    assert "models init" in caught.value.hint


@without_torch
def test_a_module_without_torch_says_what_to_install(
    conv: ModelSource, store: Path, tmp_path: Path, recipe: str
) -> None:
    with pytest.raises(ExportFailed, match=r"needs (torch|onnx|litert_torch)") as caught:
        Exporter(of_module(conv, tmp_path / "model.py"), store, None).export(Recipe.parse(recipe))
    assert caught.value.hint is not None
    assert "pip install 'earshot[export]'" in caught.value.hint


def test_the_module_is_in_the_key_where_it_has_a_hand_in_the_artifact(conv: ModelSource, tmp_path: Path) -> None:
    def keys(text: str) -> list[str]:
        ref = of_module(conv, tmp_path / "model.py", text).module
        known = KnownArtifacts(replace(conv, module=ref), tmp_path / "store", None)
        return [known.key(Recipe.parse(r)) for r in ("onnx:fp32", "onnx:fp32(exporter=legacy)", "litert:fp32")]

    one, other = keys("def build(): ...\n"), keys("def build(): return 1\n")
    assert one[0] == other[0], "the graph is there: the module does not matter"
    assert one[1] != other[1]
    assert one[2] != other[2]
