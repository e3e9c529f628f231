"""What was exported before is found without the packages that export."""

import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.domain.recipe import Recipe
from orchestrator.make.export.exporter import export
from orchestrator.make.export.known import KnownArtifacts
from orchestrator.make.models.source import ModelSource

_PROGRAM = """
import sys
from pathlib import Path
from orchestrator.domain.recipe import Recipe
from orchestrator.make.export.parallel import export_all
from orchestrator.make.models.library import find_model

out = Path(sys.argv[1])
made = export_all(find_model("kws", out / "models"), [Recipe.parse("onnx:fp32")], out / "artifacts")
print(made[0].sha256, *(name for name in ("onnx", "onnxruntime") if name in sys.modules))
"""


def test_who_exports_nothing_does_not_import_an_exporter(tmp_path):
    argv = [sys.executable, "-c", _PROGRAM, str(tmp_path)]
    first, second = (subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split() for _ in range(2))
    assert first == second == first[:1]


def test_what_another_version_of_a_tool_made_is_made_anew(
    conv: ModelSource, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe.parse("onnx:fp32")
    made = export(conv, recipe, store)
    assert KnownArtifacts(conv, store, None).find(recipe) == made
    monkeypatch.setattr("orchestrator.make.export.formats.version", lambda package: "0.0.1")
    assert KnownArtifacts(conv, store, None).find(recipe) is None
    assert made.provenance.tools["onnxruntime"] != "0.0.1", "its provenance says by which one"
