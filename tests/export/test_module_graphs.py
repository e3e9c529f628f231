"""Graphs out of PyTorch modules: by both exporters, kept, in parallel; what a format lacks is named with its line."""

from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from agents.contract import StreamContract
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import ExportFailed
from orchestrator.make.export.exporter import Exporter
from orchestrator.make.export.module_graphs import with_graphs
from orchestrator.make.export.module_onnx import module_onnx
from orchestrator.make.export.module_signature import main_signature
from orchestrator.make.export.parallel import export_all
from orchestrator.make.models import reference
from orchestrator.make.models.library import find_model
from orchestrator.make.models.module import ModuleRef
from orchestrator.make.models.module_template import write_template
from orchestrator.make.models.reference import modules
from orchestrator.make.models.source import ModelSource

pytestmark = pytest.mark.filterwarnings("ignore")  # Of the converters' own imports.

BAD = """
import torch
from torch import nn


class Lacking(nn.Module):
    def forward(self, frames, past):
        heard = torch.cat([past, frames], dim=1)
        loud = torch.special.i0(heard)
        return loud[:, -frames.shape[1]:, :3], heard[:, -7:]


class Branching(nn.Module):
    def forward(self, frames, past):
        if frames.sum() > 0:
            return frames[..., :3], past + 1
        return frames[..., 3:6], past


def lacking():
    return Lacking()


def branching():
    return Branching()
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> ModelSource:
    folder = tmp_path_factory.mktemp("template") / "tones"
    write_template("tones", folder)
    return find_model(str(folder), folder)


def faulty(source: ModelSource, folder: Path, function: str) -> ModelSource:
    path = folder / "bad.py"
    path.write_text(BAD)
    ref = ModuleRef(f"{path}:{function}", (), (path,))
    return replace(source, module=ref, sha256=ref.sha256)


def refused(source: ModelSource, recipe: str, folder: Path) -> ExportFailed:
    with pytest.raises(ExportFailed) as caught:
        Exporter(source, folder / "store", None).export(Recipe.parse(recipe))
    return caught.value


def test_the_template_exports_by_every_default_recipe_of_onnx_and_litert(template: ModelSource, tmp_path: Path) -> None:
    recipes = [Recipe.parse(r) for r in ("onnx:fp32", "onnx:int8-dynamic", "litert:fp32", "litert:int8-dynamic")]
    outcomes = export_all(template, recipes, tmp_path / "store", jobs=2)
    made = [o for o in outcomes if isinstance(o, Artifact)]
    assert len(made) == 4, [o for o in outcomes if not isinstance(o, Artifact)]
    assert all(a.passed for a in made)
    assert "parity: the whole recording in one call of torch" in made[0].provenance.notes
    assert len(list((tmp_path / "store" / "graphs").glob("*.onnx"))) == 1, "two recipes, two processes, one graph"


@pytest.mark.parametrize("exporter", ["dynamo", "legacy"])
def test_the_time_axis_is_free_and_the_same_module_gives_the_same_bytes(exporter: str) -> None:
    signature = main_signature(reference.load_contract("kws"), free=True)
    one, two = (module_onnx(modules.load("kws"), signature, exporter, 18).model for _ in range(2))
    assert one.SerializeToString(deterministic=True) == two.SerializeToString(deterministic=True)
    assert one.graph.input[0].type.tensor_type.shape.dim[1].dim_param == "frames"
    states = [o for o in one.graph.output if o.name != "logits"]
    assert all(d.dim_value for o in states for d in o.type.tensor_type.shape.dim), "states keep their shape"
    assert [o.version for o in one.opset_import if not o.domain] == [18]
    assert not any(node.metadata_props for node in one.graph.node), "paths of this machine stay here"


def test_what_dynamo_gets_wrong_falls_back_with_the_reason(tmp_path: Path) -> None:
    """It unrolls nn.LSTM for the example's length without a word."""
    source = replace(find_model("digits-lstm", tmp_path), onnx_path=None)
    made = with_graphs(source, tmp_path).graphs.onnx()
    assert "by the legacy exporter, opset 17, because dynamo cannot: the graph does not run on" in made.how
    assert "LSTM" in {node.op_type for node in onnx.load(made.path).graph.node}
    assert with_graphs(source, tmp_path).graphs.onnx() == made
    assert "by the legacy exporter" not in "".join(
        with_graphs(source, tmp_path).graphs.onnx("legacy").how.split("because")[1:]
    )


def test_an_operator_that_a_format_lacks_is_named_with_its_line(template: ModelSource, tmp_path: Path) -> None:
    source = faulty(template, tmp_path, "lacking")
    line = BAD.splitlines().index("        loud = torch.special.i0(heard)") + 1
    for recipe in ("onnx:fp32(exporter=dynamo)", "onnx:fp32(exporter=legacy)", "litert:fp32"):
        fault = refused(source, recipe, tmp_path)
        assert "i0" in fault.message, recipe
        assert f"bad.py:{line}" in fault.message, recipe
        assert fault.hint is not None
        assert "leave the format out" in fault.hint


def test_a_branch_on_values_is_no_graph(template: ModelSource, tmp_path: Path) -> None:
    source = faulty(template, tmp_path, "branching")
    fault = refused(source, "onnx:fp32(exporter=dynamo)", tmp_path)
    assert "data-dependent" in fault.message
    assert "torch.where" in (fault.hint or "")
    taken = refused(source, "onnx:fp32(exporter=legacy)", tmp_path)
    assert "gives another" in taken.message, "the branch of the example is frozen, which only running it shows"


def test_a_length_that_the_module_does_not_take_is_told(template: ModelSource, tmp_path: Path) -> None:
    contract: StreamContract = replace(
        template.contract, input=replace(template.contract.input, shape=(1, 2, 39)), frontend=template.contract.frontend
    )
    fault = refused(replace(template, contract=contract), "onnx:fp32", tmp_path)
    assert "does not run on" in fault.message
