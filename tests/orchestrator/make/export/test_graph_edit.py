"""A weight that two operators read, as the tied embedding of a language model, survives quantization."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from orchestrator.domain.recipe import Recipe
from orchestrator.make.export.precision_dynamic import to_dynamic
from orchestrator.make.models.stepping import open_session

VOCABULARY, WIDTH = 48, 16


def tied(path: Path) -> Path:
    """token -> its embedding -> logits over the embeddings."""
    nodes = [
        helper.make_node("Gather", ["embedding", "token"], ["x"], "gather"),
        helper.make_node("Gemm", ["x", "embedding"], ["logits"], "head", transB=1),
    ]
    values = np.random.default_rng(0).standard_normal((VOCABULARY, WIDTH)).astype(np.float32)
    graph = helper.make_graph(
        nodes,
        "tied",
        [helper.make_tensor_value_info("token", TensorProto.INT64, [1])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, VOCABULARY])],
        [numpy_helper.from_array(values, "embedding")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_a_tied_embedding_is_not_turned_around(tmp_path: Path) -> None:
    source = tied(tmp_path / "tied.onnx")
    made = to_dynamic(source, Recipe.parse("onnx:int8-dynamic"), tmp_path)
    assert "MatMulInteger" in {n.op_type for n in made.graph.node}
    plain, quantized = open_session(source), open_session(made.SerializeToString())
    for token in range(VOCABULARY):
        feeds = {"token": np.array([token])}
        wanted, found = plain.run(["logits"], feeds)[0], quantized.run(["logits"], feeds)[0]
        assert found.argmax() == wanted.argmax() == token
        assert np.abs(found - wanted).max() < 0.05 * np.abs(wanted).max()
