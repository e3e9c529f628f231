"""OpenVINO's own runtime on its own files, for real: made, proven, streamed with the state in place, profiled."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.backends.base import Backend
from agents.failure import Failure
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import ExportFailed
from orchestrator.make.export.calibration import CalibrationStream
from orchestrator.make.export.exporter import Exporter
from orchestrator.make.models.graph import model_sha256
from orchestrator.make.models.source import ModelSource
from orchestrator.make.models.stepping import open_session
from tests import graphs
from tests.agents.backends.streaming import streamed
from tests.agents.device import Device
from tests.vendors.runs import placed, placement

# NNCF's of torch, which it does not need here, and of its own imports.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> ModelSource:
    path = graphs.save(graphs.lstm_graph(), tmp_path_factory.mktemp("lstm") / "lstm.onnx")
    return ModelSource("lstm", graphs.lstm_contract(), path, model_sha256(path), None)


@pytest.fixture(scope="module")
def exporter(source: ModelSource, tmp_path_factory: pytest.TempPathFactory) -> Exporter:
    heard = CalibrationStream(tuple(graphs.babble(1.0, seed) for seed in range(3)), max_feeds=60)
    return Exporter(source, tmp_path_factory.mktemp("store"), heard)


def loaded(folder: Path, exporter: Exporter, profile: str | None = None, **changes: Any) -> Any:
    from agents.backends.openvino import OpenVinoBackend

    made = exporter.export(Recipe.parse("openvino:fp32"))
    device = Device(folder)
    blob = device.put(made.path.read_bytes(), made.suffix)
    fields = {"runtime": "openvino", "provider": "CPU", "contract": made.contract, **changes}
    spec = device.spec(model=blob, chunk_samples=made.contract.chunk_samples, **fields)
    backend: Backend = OpenVinoBackend(spec, str(device.root / "blobs" / blob.file_name), profile)
    backend.first_run()
    backend.bind()
    return backend


def chunks(source: ModelSource, count: int) -> list[Any]:
    return list(np.random.default_rng(4).standard_normal((count, *source.contract.input.shape)).astype(np.float32))


def truth(source: ModelSource, inputs: list[Any]) -> list[Any]:
    session, contract, found = open_session(source.needed_onnx), source.contract, []
    states = {s.input: np.full(s.shape, s.initial, s.dtype) for s in contract.states}
    for x in inputs:
        y, *new = session.run(
            [contract.outputs[0].name, *(s.output for s in contract.states)], {contract.input.name: x, **states}
        )
        states = {s.input: values for s, values in zip(contract.states, new, strict=True)}
        found.append(y)
    return found


def test_precisions_pass_parity_by_its_own_runtime(exporter: Exporter) -> None:
    found = {p: exporter.export(Recipe.parse(f"openvino:{p}")) for p in ("fp32", "fp16", "int8-weight")}
    assert all(a.passed for a in found.values())
    assert found["fp16"].size_bytes < found["fp32"].size_bytes
    again = Exporter(exporter.source, exporter.store.folder / "again", None).export(Recipe.parse("openvino:fp32"))
    assert again.sha256 == found["fp32"].sha256, "the same recipe gives the same bytes"


def test_a_stream_carries_its_state_and_resets(tmp_path: Path, exporter: Exporter, source: ModelSource) -> None:
    backend, inputs = loaded(tmp_path, exporter), chunks(source, 12)
    place = backend.outputs[0].ctypes.data
    np.testing.assert_allclose(streamed(backend, inputs), truth(source, inputs), atol=1e-5)
    assert backend.outputs[0].ctypes.data == place
    backend.reset()
    np.testing.assert_allclose(streamed(backend, inputs[:3]), truth(source, inputs[:3]), atol=1e-5)


def test_streams_of_one_loaded_graph_do_not_mix(tmp_path: Path, exporter: Exporter, source: ModelSource) -> None:
    one, inputs = loaded(tmp_path, exporter), chunks(source, 5)
    two = one.another()
    for k, x in enumerate(inputs):
        one.input[:], two.input[:] = x, inputs[-1 - k]
        one.step()
        two.step()
    np.testing.assert_allclose(one.outputs[0], truth(source, inputs)[-1], atol=1e-5)
    np.testing.assert_allclose(two.outputs[0], truth(source, inputs[::-1])[-1], atol=1e-5)


def test_nodes_are_timed_with_what_they_compute_in(tmp_path: Path, exporter: Exporter, source: ModelSource) -> None:
    backend = loaded(tmp_path, exporter, profile="on")
    streamed(backend, chunks(source, 4))
    profile = backend.end_profile()
    assert {o.calls for o in profile.operators} == {4}
    assert sum(o.share or 0 for o in profile.operators) == pytest.approx(1)
    assert not any("bf16" in o.node for o in profile.operators), "fp32 is fp32"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"provider": "NPU"}, "finds no device NPU here; it has CPU"),
        ({"session_options": {"SPEED": "1"}}, "Unsupported property SPEED"),
    ],
)
def test_what_it_cannot_do_is_refused(
    tmp_path: Path, exporter: Exporter, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(Failure, match=message):
        loaded(tmp_path, exporter, **changes)


def test_a_node_that_is_not_there_is_named(exporter: Exporter) -> None:
    with pytest.raises(ExportFailed, match=r"foo.*not found"):
        exporter.export(Recipe.parse("openvino:int8-static(exclude_nodes=foo)"))


def test_a_session_in_an_environment_of_the_device(lab: Path, results: Path) -> None:
    asked = ("--environment", "openvino-ir", "--ep", "CPU", "--recipe", "openvino:fp32")
    said = placement(lab, results, *asked)
    assert said["runtime"]["build"].endswith("computes in f32")
    assert {o["provider"] for o in said["operators"]} == {"CPU"}
    refused = placed(lab, results, *asked, "--option", "openvino:SPEED=1")
    assert refused.returncode != 0
    assert "Unsupported property SPEED" in refused.stderr
