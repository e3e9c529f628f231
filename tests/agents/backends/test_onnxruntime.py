"""ONNX Runtime's side of a session: buffers shared, state swapped, nodes counted."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from agents.backends.base import Backend
from agents.backends.onnxruntime import OnnxRuntimeBackend
from agents.backends.onnxruntime_profile import parse_profile
from agents.contract import TensorSpec
from agents.failure import Failure
from agents.wire import OperatorTime
from tests.agents.device import CHUNK, HIDDEN, Device, contract, leaky_graph


def loaded(device: Device, tmp_path: Path, **changes: object) -> OnnxRuntimeBackend:
    path = tmp_path / "model.onnx"
    path.write_bytes(leaky_graph())
    backend = OnnxRuntimeBackend(device.spec(**changes), str(path))
    backend.first_run()
    backend.bind()
    return backend


def test_buffers_stay_where_they_are(device: Device, tmp_path: Path) -> None:
    backend: Backend = loaded(device, tmp_path)
    place = backend.input.ctypes.data, backend.outputs[0].ctypes.data
    backend.input[:] = 0.25
    seen = []
    for _ in range(4):
        backend.step()
        seen.append(float(backend.outputs[0][0, 0]))
    assert seen == pytest.approx([0.25, 0.375, 0.4375, 0.46875])
    assert (backend.input.ctypes.data, backend.outputs[0].ctypes.data) == place


@pytest.mark.parametrize("steps", [1, 2])
def test_reset_forgets_after_any_number_of_steps(device: Device, tmp_path: Path, steps: int) -> None:
    backend = loaded(device, tmp_path)
    backend.input[:] = 1.0
    for _ in range(steps):
        backend.step()
    backend.reset()
    backend.input[:] = 0.0
    backend.step()
    assert not backend.outputs[0].any()
    assert not any(state.any() for state in backend.states().values())


def test_output_shapes_of_another_chunk_size_are_learned(device: Device, tmp_path: Path) -> None:
    backend = loaded(device, tmp_path, chunk_samples=2 * CHUNK)
    assert backend.input.shape == (1, 2 * CHUNK)
    assert backend.outputs[0].shape == (1, HIDDEN)


def test_an_output_of_another_shape_than_the_graph_stated(device: Device, tmp_path: Path) -> None:
    model = onnx.load_model_from_string(leaky_graph())
    # How many elements are not zero is known only when it runs.
    ones = numpy_helper.from_array(np.ones((1, HIDDEN), np.float32), "ones")
    model.graph.initializer.append(ones)
    model.graph.node[-1].output[0] = "unused"
    model.graph.node.append(helper.make_node("NonZero", ["ones"], ["places"]))
    model.graph.node.append(helper.make_node("Cast", ["places"], ["y"], to=TensorProto.FLOAT))
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, "count"]))
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    wrong = contract(outputs=(TensorSpec("y", (2, HIDDEN + 1)),))
    backend = OnnxRuntimeBackend(device.spec(contract=wrong), str(path))
    with pytest.raises(Failure, match=r"output y is float32\[2, 8\], the contract says float32\[2, 9\]") as failed:
        backend.first_run()
    assert failed.value.kind == "contract-mismatch"


def test_an_ort_file_streams(device: Device, tmp_path: Path) -> None:
    source, target = tmp_path / "model.onnx", tmp_path / "model.ort"
    source.write_bytes(leaky_graph())
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(target)
    options.add_session_config_entry("session.save_model_format", "ORT")
    ort.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
    run = device.run(device.spec(model=device.put(target.read_bytes(), ".ort")))
    assert (run.result.outcome, run.result.reason) == ("ok", None)


def test_a_profile_adds_up_the_calls_of_each_node() -> None:
    def node(name: str, provider: str, us: int, op: str) -> dict[str, object]:
        return {"cat": "Node", "name": f"{name}_kernel_time", "dur": us, "args": {"provider": provider, "op_name": op}}

    events = [
        {"cat": "Session", "name": "model_run", "dur": 900, "args": {}},
        {"cat": "Node", "name": "a_fence_before", "dur": 50, "args": {"op_name": "Conv"}},
        node("c", "CPUExecutionProvider", 5, "Add"),
        node("a", "NpuExecutionProvider", 30, "Conv"),
        node("a", "NpuExecutionProvider", 30, "Conv"),
        node("b", "CPUExecutionProvider", 15, "Softmax"),
    ]
    assert parse_profile(events) == (
        OperatorTime("Conv", "a", "NpuExecutionProvider", 2, 60, 0.75),
        OperatorTime("Softmax", "b", "CPUExecutionProvider", 1, 15, 0.1875),
        OperatorTime("Add", "c", "CPUExecutionProvider", 1, 5, 0.0625),
    )
    assert parse_profile([]) == ()


def test_what_a_provider_compiled_is_one_node_named_after_it() -> None:
    name, op = "OpenVINOExecutionProvider", "OpenVINO-EP-subgraph_1"
    event = {"cat": "Node", "name": f"{name}_{op}_0_kernel_time", "dur": 8, "args": {"provider": name, "op_name": op}}
    assert parse_profile([event]) == (OperatorTime("compiled subgraph", f"{op}_0", name, 1, 8, 1.0),)


def test_a_profile_tells_the_nodes_of_the_graph(device: Device, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(leaky_graph())
    backend = OnnxRuntimeBackend(device.spec(mode="placement", chunk_count=1), str(path), str(tmp_path / "profile"))
    backend.first_run()
    profile = backend.end_profile()
    assert profile.assigned == {"CPUExecutionProvider": len(profile.operators)}
    assert profile.fallback is None
    assert backend.runtime_build is not None
    assert backend.runtime_build.startswith(f"onnxruntime {ort.__version__}: ")
