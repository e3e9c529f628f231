"""A session of ONNX Runtime with the provider that was asked for, or a reason why there is none."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agents.backends.onnxruntime_assignment import assigned, fallback_reason
from agents.backends.onnxruntime_log import Heard
from agents.backends.onnxruntime_options import own_options
from agents.backends.onnxruntime_session import open_session
from agents.backends.onnxruntime_shapes import open_dimensions
from agents.failure import Failure
from agents.providers import CPU
from tests.agents.device import CHUNK, Device, contract, leaky_graph

NPU = "NpuExecutionProvider"


@pytest.fixture
def leaky(tmp_path: Path) -> str:
    path = tmp_path / "model.onnx"
    path.write_bytes(leaky_graph())
    return str(path)


def test_a_provider_that_is_not_in_the_build_says_what_it_takes(device: Device, leaky: str) -> None:
    with pytest.raises(Failure, match=r"it takes onnxruntime-qnn, beside onnxruntime") as failed:
        open_session(device.spec(provider="QNNExecutionProvider"), leaky, None)
    assert failed.value.kind == "provider-missing"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ep.precision": "FP16"}, "CPUExecutionProvider has no option ep.precision"),
        ({"free_dimensions": "some"}, "free_dimensions must be one of fixed, open, got 'some'"),
        ({"spinning": "0"}, r"unknown session option 'spinning' of onnxruntime; known are .*free_dimensions.*ep\.\*"),
    ],
)
def test_options_that_cannot_be(device: Device, leaky: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(Failure, match=message) as failed:
        open_session(device.spec(session_options=options), leaky, None)
    assert failed.value.kind == "model-load"


def test_open_dimensions_are_fixed_where_that_is_asked_for(device: Device, leaky: str) -> None:
    assert open_dimensions(leaky, contract(), CHUNK) == {"samples": CHUNK}
    assert open_dimensions(leaky, contract(), 2 * CHUNK) == {"samples": 2 * CHUNK}
    free, _ = open_session(device.spec(), leaky, None)
    fixed, _ = open_session(device.spec(session_options={"free_dimensions": "fixed"}), leaky, None)
    shape = {s: [n.shape for n in s.get_inputs() if n.name == "x"] for s in (free, fixed)}
    assert (shape[free], shape[fixed]) == ([[1, "samples"]], [[1, CHUNK]])


def test_what_is_the_sessions_own() -> None:
    given = {"allow_spinning": "0", "ep.precision": "FP16", "free_dimensions": "open"}
    assert own_options(given) == ({"allow_spinning": "0"}, False)
    assert own_options({}) == ({}, None)


def session(**nodes: list[str]) -> Any:
    """As 1.24 and later answer: a provider, and the nodes of each subgraph that it was given."""
    subgraphs = [
        SimpleNamespace(ep_name=name, get_nodes=lambda ops=ops: [SimpleNamespace(op_type=op) for op in ops])
        for name, ops in nodes.items()
    ]
    return SimpleNamespace(get_provider_graph_assignment_info=lambda: subgraphs)


def test_why_nodes_went_to_the_cpu() -> None:
    heard = Heard()
    heard.text = "\tREASON : Cannot get shape\n"
    mixed = session(**{NPU: ["Conv", "Relu"], CPU: ["Cast", "Add", "Add"]})
    assert assigned(mixed) == {NPU: 2, CPU: 3}
    assert fallback_reason(mixed, NPU, heard) == "the CPU took 3 of 5 nodes (Add x 2, Cast); Cannot get shape"
    assert fallback_reason(mixed, CPU, heard) is None
    assert fallback_reason(session(**{NPU: ["Conv"]}), NPU, heard) is None


def test_a_runtime_that_cannot_tell_the_nodes_still_has_its_log() -> None:
    heard = Heard()
    assert assigned(SimpleNamespace()) == {}
    assert fallback_reason(SimpleNamespace(), NPU, heard) is None
    heard.text = "\tREASON : Cannot get shape\n"
    assert fallback_reason(SimpleNamespace(), NPU, heard) == "Cannot get shape"
