"""Core ML packages as coremltools writes them here, read back: nothing on Linux predicts with one."""

import json
import zipfile
from pathlib import Path

import pytest

from orchestrator.domain.recipe import Recipe
from orchestrator.errors import ExportFailed
from orchestrator.make.export.coreml import CoreMlFormat
from orchestrator.make.export.formats import Made
from orchestrator.make.models.module import ModuleRef
from orchestrator.make.models.source import ModelSource
from tests.agents.device import HIDDEN, contract

# Of coremltools about versions of torch and scikit-learn, and of what it imports.
pytestmark = pytest.mark.filterwarnings("ignore")


def made(folder: Path, recipe: str, target: str = "tests.export.leaky:wide") -> Made:
    source = ModelSource("leaky", contract(), None, "0" * 64, None, module=ModuleRef(target))
    return CoreMlFormat(source, list).make(Recipe.parse(recipe), folder)


@pytest.mark.parametrize(
    ("recipe", "shown"),
    [
        ("coreml:fp32", "const FLOAT32"),
        ("coreml:fp16", "const FLOAT16"),
        ("coreml:palettized", "constexpr_lut_to_dense"),
        ("coreml:palettized(bits=4)", "constexpr_lut_to_dense"),
        ("coreml:int8-weight", "constexpr_affine_dequantize"),
    ],
)
def test_the_structure_is_what_was_asked_for(tmp_path: Path, recipe: str, shown: str) -> None:
    found = made(tmp_path, recipe)
    assert found.suffix == ".mlpackage.zip"
    assert shown in (found.unproven or "")
    assert "Core ML predicts on macOS only" in (found.unproven or "")
    assert "2 inputs, 2 outputs" in (found.unproven or "")


def test_fewer_bits_make_less(tmp_path: Path) -> None:
    sizes = [len(made(tmp_path, f"coreml:{r}").content) for r in ("fp32", "fp16", "palettized", "palettized(bits=4)")]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 4


def test_core_ml_keeps_the_state_itself(tmp_path: Path) -> None:
    found = made(tmp_path, "coreml:fp16(states=coreml)")
    assert "1 inputs, 1 outputs, 1 states kept by Core ML" in (found.unproven or "")
    with pytest.raises(ExportFailed, match="State model is supported only >= iOS18"):
        made(tmp_path, "coreml:fp16(states=coreml,target=ios16)")


def test_the_same_recipe_gives_the_same_bytes(tmp_path: Path) -> None:
    assert made(tmp_path, "coreml:fp16").content == made(tmp_path, "coreml:fp16").content


def test_the_archive_is_a_package(tmp_path: Path) -> None:
    import coremltools

    path = tmp_path / "made.zip"
    path.write_bytes(made(tmp_path, "coreml:fp16").content)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "opened.mlpackage")
    manifest = json.loads((tmp_path / "opened.mlpackage" / "Manifest.json").read_text())
    assert manifest["rootModelIdentifier"] in manifest["itemInfoEntries"]
    spec = coremltools.models.MLModel(str(tmp_path / "opened.mlpackage"), skip_model_load=True).get_spec()
    assert [i.name for i in spec.description.input] == ["x", "state_in"]
    assert list(spec.description.input[1].type.multiArrayType.shape) == [1, HIDDEN]


def test_an_operator_that_it_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExportFailed, match=r"lacks the operator histc, node histc, at .*leaky\.py:\d+"):
        made(tmp_path, "coreml:fp16", "tests.export.leaky:odd")
