from pathlib import Path

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import BadModel
from orchestrator.make.models.graph import model_sha256, read_graph, read_proto
from tests import graphs


def test_signature_keeps_symbolic_dims(tmp_path: Path) -> None:
    graph = read_graph(graphs.save(graphs.conv_graph(), tmp_path / "conv.onnx"))
    assert graph.inputs_by_name["frames"].shape == (1, "frames", 8)
    assert graph.inputs_by_name["cache_1"].shape == (1, 16, 2)
    assert [p.name for p in graph.outputs] == ["logits", "cache_0_next", "cache_1_next"]
    assert (graph.opset, graph.operators["Conv"], graph.operators["Relu"]) == (17, 3, 2)


def test_old_files_that_list_weights_as_inputs(tmp_path: Path) -> None:
    model = graphs.conv_graph()
    weight = model.graph.initializer[0]
    model.graph.input.append(onnx.helper.make_tensor_value_info(weight.name, weight.data_type, list(weight.dims)))
    graph = read_graph(graphs.save(model, tmp_path / "old.onnx"))
    assert weight.name not in graph.inputs_by_name


def test_missing_file_and_directory(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match=r"no model file .*absent\.onnx") as error:
        read_graph(tmp_path / "absent.onnx")
    assert error.value.hint
    with pytest.raises(BadModel, match="is a directory"):
        read_graph(tmp_path)


@pytest.mark.parametrize("content", [b"", b"RIFF$\x00\x00\x00WAVEfmt ", b"hello, this is not a model\n", b"PK\x03\x04"])
def test_not_onnx(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.onnx").write_bytes(content)
    with pytest.raises(BadModel, match=r"x\.onnx is no"):
        read_graph(tmp_path / "x.onnx")


@given(st.floats(0.01, 0.99))
def test_truncated_anywhere(tmp_path_factory: pytest.TempPathFactory, share: float) -> None:
    whole = graphs.lstm_graph().SerializeToString()
    path = tmp_path_factory.mktemp("cut") / "cut.onnx"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(BadModel, match=r"cut\.onnx"):
        read_graph(path)


def test_graph_that_breaks_the_standard(tmp_path: Path) -> None:
    model = graphs.conv_graph()
    model.graph.node[0].input[0] = "nowhere"
    with pytest.raises(BadModel, match="not a valid ONNX graph"):
        read_graph(graphs.save(model, tmp_path / "bad.onnx"))


def test_weights_beside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    onnx.save(graphs.conv_graph(), path, save_as_external_data=True, location="m.bin", size_threshold=0)
    inside = read_proto(path)
    assert not any(i.external_data for i in inside.graph.initializer)
    before = model_sha256(path)
    weights = bytearray((tmp_path / "m.bin").read_bytes())
    weights[0] ^= 1
    (tmp_path / "m.bin").write_bytes(weights)
    assert model_sha256(path) != before, "the hash must cover the weights"
    (tmp_path / "m.bin").unlink()
    with pytest.raises(BadModel, match=r"keeps weights in m\.bin, which is not beside it"):
        read_graph(path)


def test_weights_may_not_point_outside(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    path = tmp_path / "inner" / "m.onnx"
    onnx.save(graphs.conv_graph(), path, save_as_external_data=True, location="m.bin", size_threshold=0)
    path.write_bytes(path.read_bytes().replace(b"\x0a\x08location\x12\x05m.bin", b"\x0a\x08location\x12\x05../xx"))
    with pytest.raises(BadModel, match="outside its own folder"):
        read_graph(path)
