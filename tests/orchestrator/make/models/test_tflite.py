"""Foreign .tflite files: their signature, their states, and how they join a model of the library."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from orchestrator.errors import BadInput, BadModel, EarshotError, NotAStream
from orchestrator.make.models import reference
from orchestrator.make.models.answers import Answers
from orchestrator.make.models.graph import read_model
from orchestrator.make.models.infer import infer_contract
from orchestrator.make.models.library import find_model, import_model
from orchestrator.make.models.stepping import open_graph, step_through
from tests.agents.device import contract, leaky_graph
from tests.tflite import CHUNK, HIDDEN, GraphFile, leaky_tflite

ANSWERS = Answers(sample_rate_hz=16000, chunk_samples=CHUNK, context_samples=0)


@pytest.fixture
def leaky(tmp_path: Path) -> Path:
    return written(tmp_path, leaky_tflite())


def written(folder: Path, content: bytes, name: str = "leaky.tflite") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_states_and_shapes_are_found(leaky: Path) -> None:
    found = infer_contract(read_model(leaky), "leaky", ANSWERS).contract
    assert found is not None
    assert [(s.input, s.output, s.shape) for s in found.states] == [("state_in", "state_out", (1, HIDDEN))]
    assert (found.input.name, found.input.shape, found.allowed_chunk_samples) == ("x", (1, CHUNK), (CHUNK,))
    assert [(o.name, o.shape) for o in found.outputs] == [("y", (1, HIDDEN))]


@pytest.mark.parametrize("name", ["kws", "digits-lstm"])
def test_what_is_found_of_a_reference_model_is_its_contract(name: str) -> None:
    own = reference.load_contract(name)
    found = infer_contract(read_model(reference.tflite_path(name)), name, Answers(sample_rate_hz=16000)).contract
    assert found is not None
    assert set(found.states) == set(own.states)
    assert (found.input, found.outputs, found.chunk_samples) == (own.input, own.outputs, own.chunk_samples)


def test_a_stream_through_the_file(leaky: Path) -> None:
    graph = open_graph(leaky)
    assert [p.describe() for p in graph.get_inputs()] == ["x float32 (1, 160)", f"state_in float32 (1, {HIDDEN})"]
    loud = np.full(2 * CHUNK, 16384, np.int16)
    outputs = step_through(graph, contract(), loud, CHUNK)
    assert [float(o[0][0, 0]) for o in outputs] == pytest.approx([0.5, 0.75], rel=1e-4)


def refusal(path: Path, kind: type[EarshotError]) -> EarshotError:
    with pytest.raises(kind) as refused:
        infer_contract(read_model(path), "m", ANSWERS)
    return refused.value


def test_without_a_signature(tmp_path: Path) -> None:
    found = refusal(written(tmp_path, leaky_tflite(signature=False)), BadModel)
    assert found.message == "leaky.tflite has no signature, so nothing names its tensors"
    assert "litert-torch writes one" in (found.hint or "")


@pytest.mark.parametrize("content", [b"", b"TFL3" * 100, b"\x1c\x00\x00\x00TFL3" + bytes(64)])
def test_what_is_no_tflite_file(tmp_path: Path, content: bytes) -> None:
    assert refusal(written(tmp_path, content), BadModel).message.startswith("LiteRT cannot load leaky.tflite: ")


def test_cut_short(tmp_path: Path) -> None:
    content = reference.tflite_path("kws").read_bytes()
    refusal(written(tmp_path, content[: len(content) // 2]), BadModel)


def test_no_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.tflite", BadModel).message == f"no model file {tmp_path / 'none.tflite'}"


def test_quantized_inputs(tmp_path: Path) -> None:
    file = GraphFile()
    x, state = file.tensor("x", (1, CHUNK), scale=0.5), file.tensor("state", (1, HIDDEN), scale=0.5)
    y, following = file.tensor("y", (1, CHUNK), scale=0.5), file.tensor("following", (1, HIDDEN), scale=0.25)
    file.node("RELU", (x,), (y,))
    file.node("QUANTIZE", (state,), (following,))
    content = file.content({"x": x, "state_in": state}, {"y": y, "state_out": following})
    found = refusal(written(tmp_path, content), BadModel)
    assert found.message == "x of leaky.tflite is quantized (int8, scale 0.5)"
    assert "float inputs and outputs" in (found.hint or "")


def test_without_a_state(tmp_path: Path) -> None:
    file = GraphFile()
    x, y = file.tensor("x", (1, CHUNK)), file.tensor("y", (1, CHUNK))
    file.node("RELU", (x,), (y,))
    found = refusal(written(tmp_path, file.content({"x": x}, {"y": y})), NotAStream)
    assert "leaky.tflite has no state pair" in found.message


def test_imported_alone(leaky: Path, tmp_path: Path) -> None:
    own = contract(allowed_chunk_samples=(CHUNK,))
    source = import_model(leaky, own, tmp_path / "models")
    assert (source.onnx_path, source.graph_path.name) == (None, "model.tflite")
    assert find_model("leaky", tmp_path / "models") == source
    assert find_model(str(source.graph_path), tmp_path / "elsewhere") == source
    assert import_model(leaky, own, tmp_path / "models") == source, "again changes nothing"


def test_a_twin_joins_the_onnx_graph(leaky: Path, tmp_path: Path) -> None:
    onnx_path = written(tmp_path, leaky_graph(), "leaky.onnx")
    first = import_model(onnx_path, contract(), tmp_path / "models")
    both = import_model(leaky, contract(allowed_chunk_samples=(CHUNK,)), tmp_path / "models")
    assert (both.onnx_path, both.sha256, both.contract) == (first.onnx_path, first.sha256, first.contract)
    assert both.tflite_path is not None
    assert both.tflite_path.read_bytes() == leaky.read_bytes()
    assert sorted(p.name for p in both.tflite_path.parent.iterdir()) == ["contract.json", "model.onnx", "model.tflite"]


def test_another_model_does_not_join(leaky: Path, tmp_path: Path) -> None:
    import_model(written(tmp_path, leaky_graph(), "leaky.onnx"), contract(), tmp_path / "models")
    other = replace(contract(allowed_chunk_samples=(CHUNK,)), sample_rate_hz=8000)
    with pytest.raises(BadInput, match="the library has another model leaky"):
        import_model(leaky, other, tmp_path / "models")
    replaced = import_model(leaky, other, tmp_path / "models", replace=True)
    assert (replaced.onnx_path, replaced.contract) == (None, other)
    assert json.loads((replaced.graph_path.parent / "contract.json").read_text())["sample_rate_hz"] == 8000
