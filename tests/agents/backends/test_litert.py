"""LiteRT's side of a session: the interpreter's own memory, state carried, nodes counted by who ran them."""

from typing import Any

import numpy as np
import pytest

from agents import strict_json
from agents.backends.base import Backend
from agents.backends.litert import LiteRtBackend
from agents.contract import StatePair, StreamContract, TensorSpec
from agents.failure import Failure
from orchestrator.make.models import reference
from tests.agents.device import CHUNK, Device, contract
from tests.tflite import HIDDEN, GraphFile, leaky_tflite


def spec_of(device: Device, content: bytes, **changes: Any) -> Any:
    fields = {"runtime": "litert", "provider": "XNNPACK", **changes}
    return device.spec(model=device.put(content, ".tflite"), **fields)


def loaded(device: Device, content: bytes | None = None, **changes: Any) -> LiteRtBackend:
    content = content or leaky_tflite()
    backend = opened(device, content, **changes)
    backend.first_run()
    backend.bind()
    return backend


def opened(device: Device, content: bytes, profile: str | None = None, **changes: Any) -> LiteRtBackend:
    spec = spec_of(device, content, **changes)
    return LiteRtBackend(spec, str(device.root / "blobs" / spec.model.file_name), profile)


def test_buffers_stay_where_they_are(device: Device) -> None:
    backend: Backend = loaded(device)
    place = backend.input.ctypes.data, backend.outputs[0].ctypes.data
    backend.input[:] = 0.25
    seen = []
    for _ in range(4):
        backend.step()
        seen.append(float(backend.outputs[0][0, 0]))
    assert seen == pytest.approx([0.25, 0.375, 0.4375, 0.46875], rel=1e-5)
    assert (backend.input.ctypes.data, backend.outputs[0].ctypes.data) == place


def test_reset_forgets(device: Device) -> None:
    backend = loaded(device)
    backend.input[:] = 1.0
    backend.step()
    assert any(state.any() for state in backend.states().values())
    backend.reset()
    backend.input[:] = 0.0
    backend.step()
    assert not backend.outputs[0].any()


@pytest.mark.parametrize("name", ["kws", "digits-lstm"])
@pytest.mark.parametrize("provider", ["XNNPACK", "CPU"])
def test_a_stream_equals_the_interpreter_fed_by_hand(device: Device, name: str, provider: str) -> None:
    """The same numbers, bit for bit, as tensors that are set and got: nothing overwrites what lies in place."""
    from agents.backends.litert_package import interpreter_module

    module = interpreter_module()[0]
    model, path = reference.load_contract(name), reference.tflite_path(name)
    backend = loaded(device, path.read_bytes(), contract=model, chunk_samples=model.chunk_samples, provider=provider)
    kind = module.OpResolverType
    plain = module.Interpreter(
        model_path=str(path),
        num_threads=1,
        experimental_op_resolver_type=kind.AUTO if provider == "XNNPACK" else kind.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    plain.allocate_tensors()
    numbers = plain._get_full_signature_list()["serving_default"]
    states = {s.input: np.full(s.shape, s.initial, s.dtype) for s in model.states}
    rng = np.random.default_rng(0)
    for _ in range(40):
        chunk = rng.standard_normal(model.input.shape).astype(np.float32)
        for tensor, values in {model.input.name: chunk, **states}.items():
            plain.set_tensor(numbers["inputs"][tensor], values)
        plain.invoke()
        states = {s.input: plain.get_tensor(numbers["outputs"][s.output]) for s in model.states}
        backend.input[:] = chunk
        backend.step()
        assert np.array_equal(backend.outputs[0], plain.get_tensor(numbers["outputs"][model.outputs[0].name]))


@pytest.mark.parametrize(("hard", "left"), [(False, []), (True, ["FLOOR_MOD"])])
def test_every_node_is_told_with_who_ran_it(device: Device, hard: bool, left: list[str]) -> None:
    backend = opened(device, leaky_tflite(hard=hard), profile="unused")
    backend.first_run()
    backend.bind()
    for _ in range(3):
        backend.step()
    found = backend.end_profile().operators
    assert [o.op for o in found] == ["FULLY_CONNECTED", "MUL", "ADD", "FLOOR_MOD" if hard else "RELU"]
    assert [o.op for o in found if o.provider == "CPU"] == left
    assert {(o.calls, o.time_us) for o in found} == {(3, None)}
    assert backend.providers == ("XNNPACK", "CPU")


def test_nothing_is_delegated_where_that_is_wanted(device: Device) -> None:
    backend = opened(device, leaky_tflite(), profile="unused", provider="CPU")
    assert backend.providers == ("CPU",)
    assert {o.provider for o in backend.end_profile().operators} == {"CPU"}


def test_a_graph_that_xnnpack_refuses_is_not_said_to_run_there(device: Device) -> None:
    file = GraphFile()
    x, state = file.tensor("x", (1, CHUNK)), file.tensor("state", (1, HIDDEN))
    one = file.tensor("one", (1,), np.ones(1, np.float32))
    y, following = file.tensor("y", (1, CHUNK)), file.tensor("following", (1, HIDDEN))
    file.node("FLOOR_MOD", (x, one), (y,))
    file.node("FLOOR_MOD", (state, one), (following,))
    wide = contract(outputs=(TensorSpec("y", (1, CHUNK)),))
    content = file.content({"x": x, "state_in": state}, {"y": y, "state_out": following})
    assert opened(device, content, contract=wide).providers == ("CPU",)


def told(device: Device, content: bytes, **changes: Any) -> Failure:
    with pytest.raises(Failure) as failed:
        opened(device, content, **changes)
    return failed.value


def test_a_file_without_a_signature_is_refused(device: Device) -> None:
    failure = told(device, leaky_tflite(signature=False))
    assert failure.kind == "contract-mismatch"
    assert failure.reason.startswith("the file has no signature, so nothing names its tensors: convert it with one")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"input": TensorSpec("frames", (1, CHUNK))}, "no signature takes frames, state_in; the file has serving_def"),
        (
            {"input": TensorSpec("x", (1, CHUNK), "float16")},
            "input x is float32 in the graph, the contract says float1",
        ),
        ({"outputs": (TensorSpec("z", (1, HIDDEN)),)}, "the graph has no output 'z'; it has "),
        (
            {"states": (StatePair("state_in", "state_out", (1, 9)),)},
            r"input state_in has shape [1, 8] in the graph, this session needs [1, 9]",
        ),
    ],
)
def test_a_contract_that_does_not_fit_is_refused(device: Device, changed: dict[str, Any], message: str) -> None:
    failure = told(device, leaky_tflite(), contract=contract(**changed))
    assert failure.kind == "contract-mismatch"
    assert message in failure.reason


def test_another_chunk_size_needs_another_file(device: Device) -> None:
    failure = told(device, leaky_tflite(), chunk_samples=2 * CHUNK)
    assert "input x has shape [1, 160] in the graph, this session needs [1, 320]" in failure.reason


def test_quantized_states_of_two_scales_are_refused(device: Device) -> None:
    file = GraphFile()
    x, state = file.tensor("x", (1, CHUNK)), file.tensor("state", (1, HIDDEN), scale=0.5)
    y, following = file.tensor("y", (1, CHUNK)), file.tensor("following", (1, HIDDEN), scale=0.25)
    file.node("RELU", (x,), (y,))
    file.node("QUANTIZE", (state,), (following,))
    content = file.content({"x": x, "state_in": state}, {"y": y, "state_out": following})
    states, outputs = (StatePair("state_in", "state_out", (1, HIDDEN), "int8"),), (TensorSpec("y", (1, CHUNK)),)
    failure = told(device, content, contract=contract(states=states, outputs=outputs))
    assert "state state_in is read with scale 0.5 and state_out written with 0.25" in failure.reason


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"spinning": "1"}, "model-load", "unknown session option 'spinning' of litert; known are xnnpack_latest_fea"),
        (
            {"xnnpack_latest_features": "maybe"},
            "model-load",
            "session option xnnpack_latest_features must be one of 0, 1, false, true, got 'maybe'",
        ),
        (
            {"delegate": "/lib/a.so"},
            "model-load",
            "session option delegate belongs to GPU, EdgeTPU, ArmNN, NNAPI, Deleg",
        ),
    ],
)
def test_bad_options_are_named(device: Device, options: dict[str, str], kind: str, message: str) -> None:
    failure = told(device, leaky_tflite(), session_options=options)
    assert failure.kind == kind
    assert message in failure.reason


@pytest.mark.parametrize(
    ("provider", "options", "message"),
    [
        ("HTP", {}, "litert has no provider 'HTP'; known are XNNPACK, CPU, GPU, EdgeTPU, ArmNN, NNAPI, Delegate"),
        ("NNAPI", {}, "NNAPI needs its library: give the session option delegate=PATH"),
        ("ArmNN", {}, "the delegate ArmNN cannot be loaded from libarmnnDelegate.so: libarmnnDelegate.so: cannot open"),
        (
            "Delegate",
            {"delegate": "/none/d.so"},
            "the delegate Delegate cannot be loaded from /none/d.so: /none/d.so: can",
        ),
        ("GPU", {"delegate": "libc.so.6"}, "it has no tflite_plugin_create_delegate, so it is no delegate"),
    ],
)
def test_a_delegate_that_is_not_here_is_named(
    device: Device, provider: str, options: dict[str, str], message: str
) -> None:
    failure = told(device, leaky_tflite(), provider=provider, session_options=options)
    assert failure.kind == "provider-missing"
    assert message in failure.reason


def test_what_is_no_tflite_file_is_refused(device: Device) -> None:
    failure = told(device, b"TFL3" * 40)
    assert failure.kind == "model-load"
    assert "ai-edge-litert" in failure.reason


def test_a_session_of_its_own_process(device: Device) -> None:
    model: StreamContract = contract()
    result = device.run(spec_of(device, leaky_tflite(), mode="placement", contract=model)).result
    assert (result.outcome, result.reason) == ("ok", None)
    assert (result.runtime_version, result.runtime_build) == ("2.3.0", "ai-edge-litert")
    assert result.providers_registered == ("XNNPACK", "CPU")
    (share,) = result.placement
    assert (share.provider, share.nodes, share.time_share) == ("XNNPACK", 4, None)
    assert strict_json.to_json(result)["operators"][0]["op"] == "FULLY_CONNECTED"
