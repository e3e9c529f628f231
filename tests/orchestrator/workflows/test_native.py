"""What `earshot native run` asks for, checked before anything is sent."""

from pathlib import Path

import pytest

from orchestrator.errors import BadInput
from orchestrator.measure.native.run import NativeRun
from orchestrator.workflows.native import NativeSettings


def run(folder: Path, **changes: object) -> NativeRun:
    for name in ("tool", "model"):
        (folder / name).write_bytes(b"x")
    values = {"tool": "benchmark_model", "program": folder / "tool", "model": folder / "model", **changes}
    return NativeRun(**values)  # type: ignore[arg-type]


def test_files_that_are_there(tmp_path: Path) -> None:
    assert NativeSettings(run(tmp_path)).run.runs == 200


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tool": "perf"}, "tool must be one of benchmark_model, .* got 'perf'"),
        ({"runs": 0}, r"runs must be in 1\.\.100000, got 0"),
        ({"runs": 100_001}, "got 100001"),
        ({"model": Path("gone.tflite")}, "there is no file gone.tflite"),
        ({"libraries": (Path("gone.so"),)}, "there is no file gone.so"),
    ],
)
def test_what_cannot_be(changes: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=message):
        NativeSettings(run(tmp_path, **changes))
