"""A .pte file on a controller that has no executorch. Stepping one: tests/export."""

import sys
from pathlib import Path

import pytest

from orchestrator.errors import BadModel, ExportFailed
from orchestrator.make.models.graph import Port
from orchestrator.make.models.pte import read_pte_graph
from orchestrator.make.models.stepping import open_graph
from tests.pte import leaky_pte


def test_tensors_are_named_by_their_place(tmp_path: Path) -> None:
    path = tmp_path / "model.pte"
    path.write_bytes(leaky_pte())
    graph = read_pte_graph(path)
    assert graph.inputs == (Port("input", "float32", (1, 160)), Port("state0_in", "float32", (1, 8)))
    assert graph.outputs == (Port("output0", "float32", (1, 8)), Port("state0_out", "float32", (1, 8)))
    assert graph.operators == {"XnnpackBackend": 1, "aten::mean.out": 1}


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pte"
    path.write_bytes(b"\x08\x07\x12\x04 an ONNX graph")
    with pytest.raises(BadModel, match=r"model\.pte is no \.pte file"):
        open_graph(path)


def test_what_to_install_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.pte"
    path.write_bytes(leaky_pte())
    monkeypatch.setitem(sys.modules, "executorch", None)
    with pytest.raises(ExportFailed, match=r"nothing here runs a \.pte file") as caught:
        open_graph(path)
    assert "earshot[export]" in str(caught.value.hint)
