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


def test_shares_of_a_profile() -> None:
    def node(name: str, provider: str, us: int, op: str) -> dict[str, object]:
        return {"cat": "Node", "name": f"{name}_kernel_time", "dur": us, "args": {"provider": provider, "op_name": op}}

    events = [
        {"cat": "Session", "name": "model_run", "dur": 900, "args": {}},
        {"cat": "Node", "name": "a_fence_before", "dur": 50, "args": {"op_name": "Conv"}},
        node("a", "NpuExecutionProvider", 30, "Conv"),
        node("a", "NpuExecutionProvider", 30, "Conv"),
        node("b", "CPUExecutionProvider", 15, "Softmax"),
        node("c", "CPUExecutionProvider", 5, "Add"),
    ]
    cpu, npu = parse_profile(events)
    assert (cpu.provider, cpu.nodes, cpu.time_share, cpu.operators) == (
        "CPUExecutionProvider",
        2,
        0.25,
        ("Add", "Softmax"),
    )
    assert (npu.provider, npu.nodes, npu.time_share, npu.operators) == ("NpuExecutionProvider", 1, 0.75, ("Conv",))
    assert parse_profile([]) == ()
    assert np.isclose(cpu.time_share + npu.time_share, 1.0)
