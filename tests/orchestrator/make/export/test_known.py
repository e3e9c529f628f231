"""What was exported before is found without the packages that export."""

import subprocess
import sys

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
