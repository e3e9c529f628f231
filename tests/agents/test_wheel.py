"""Which wheel a module came from: two vendors' builds of one runtime have the same module."""

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from agents.wheel import wheel_of


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """As pip leaves it: the stock runtime, and a plug-in beside it whose name begins alike."""
    for name, module in (("onnxruntime_openvino-1.24.1", "onnxruntime"), ("onnxruntime_qnn-2.7.0", "onnxruntime_qnn")):
        folder = tmp_path / f"{name}.dist-info"
        folder.mkdir()
        (folder / "RECORD").write_text(f"{module}/__init__.py,sha256=x,10\n{module}/capi.py,,\n")
        (tmp_path / module).mkdir()
        (tmp_path / module / "__init__.py").write_text("")
    return tmp_path


def module(site: Path, name: str) -> ModuleType:
    made = ModuleType(name)
    made.__file__ = str(site / name / "__init__.py")
    return made


def test_the_wheel_whose_record_has_the_module(site: Path) -> None:
    assert wheel_of(module(site, "onnxruntime")) == "onnxruntime-openvino 1.24.1"
    assert wheel_of(module(site, "onnxruntime_qnn")) == "onnxruntime-qnn 2.7.0"


def test_a_module_that_no_wheel_claims(site: Path) -> None:
    (site / "onnxruntime_openvino-1.24.1.dist-info" / "RECORD").unlink()
    assert wheel_of(module(site, "onnxruntime")) is None
    assert wheel_of(sys) is None


def test_a_real_one() -> None:
    assert wheel_of(np) == f"numpy {np.__version__}"
