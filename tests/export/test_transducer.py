"""A transducer's artifact: both graphs from their modules, proven, and a session that runs them together."""

import json
from pathlib import Path

import numpy as np
import pytest

from agents import strict_json, wire
from agents.contract import StreamContract
from agents.decode import make_decoder
from agents.decode.step_graph import Search
from orchestrator.domain.artifact import GRAPH, STEP, Artifact
from orchestrator.domain.recipe import Recipe
from orchestrator.make.export.calibration import CalibrationStream
from orchestrator.make.export.exporter import Exporter
from orchestrator.make.models.library import find_model
from orchestrator.make.models.stepping import chunk_inputs
from orchestrator.make.models.torch_step import TorchStep
from orchestrator.make.quality.evaluation import load_evaluation
from orchestrator.workflows.artifact_files import blob_of, parts_of
from tests.agents.device import Device, wav_bytes

torch = pytest.importorskip("torch")
RUNTIMES = {"onnx": ("onnxruntime", "CPUExecutionProvider"), "litert": ("litert", "XNNPACK")}


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory) -> Exporter:
    source = find_model("digits-conformer", tmp_path_factory.mktemp("library"))
    assert source.manifest_path is not None
    evaluation = load_evaluation(source.manifest_path, source.contract.sample_rate_hz)
    said = [evaluation.samples(u) for u in evaluation.utterances_of("calibration")[:4]]
    return Exporter(source, tmp_path_factory.mktemp("store"), CalibrationStream(tuple(said)))


def heard_by_torch(exporter: Exporter, samples: "np.ndarray[tuple[int], np.dtype[np.int16]]") -> list[str]:
    source, contract = exporter.source, exporter.source.contract
    assert contract.search is not None
    assert source.step_module is not None
    encoder = source.needed_module().load()
    decoder = make_decoder(
        contract.decoder, Search(TorchStep(source.step_module.load(), contract.search), contract.search)
    )
    states = [torch.full(s.shape, s.initial) for s in contract.states]
    with torch.no_grad():
        for chunk in chunk_inputs(contract, samples, contract.chunk_samples):
            encoded, *states = encoder(torch.from_numpy(chunk), *states)
            decoder.push(encoded.numpy())
    return [e["label"] for e in decoder.finish()["events"]]


def session_of(
    device: Device, artifact: Artifact, samples: "np.ndarray[tuple[int], np.dtype[np.int16]]"
) -> wire.RunSpec:
    for part in artifact.files.values():
        device.put(part.path.read_bytes(), part.path.suffix)
    runtime, provider = RUNTIMES[artifact.recipe.format]
    return device.spec(
        mode="evaluate",
        runtime=runtime,
        provider=provider,
        model=blob_of(artifact),
        parts=parts_of(artifact),
        contract=artifact.contract,
        chunk_samples=artifact.contract.chunk_samples,
        timeout_s=300.0,
        spans=(wire.Span(0, len(samples)),),
        audio=device.put(wav_bytes(device.root / "said.wav", samples), ".wav"),
    )


@pytest.mark.parametrize("recipe", ["onnx:fp32", "litert:fp32"])
def test_a_session_hears_what_torch_hears(exporter: Exporter, tmp_path: Path, recipe: str) -> None:
    artifact = exporter.export(Recipe.parse(recipe))
    assert set(artifact.files) == {GRAPH, STEP}
    chunk = artifact.contract.chunk_samples
    assert exporter.calibration is not None
    said = exporter.calibration.utterances[0]
    samples = said[: len(said) // chunk * chunk]
    device = Device(tmp_path / "device")
    device.root.mkdir()
    result = device.run(session_of(device, artifact, samples)).result
    assert result.outcome == "ok", result.reason
    assert [e["label"] for e in result.decoded[0]["events"]] == heard_by_torch(exporter, samples)


def test_each_graph_is_made_once(exporter: Exporter) -> None:
    plain = exporter.export(Recipe.parse("onnx:int8-dynamic"))
    joint = exporter.export(Recipe.parse("onnx:int8-dynamic(step=int8-joint)"))
    assert plain.files[GRAPH] == joint.files[GRAPH]
    assert plain.files[STEP] != joint.files[STEP]
    assert plain.sha256 != joint.sha256
    stamps = {part.path.stat().st_mtime_ns for part in joint.files.values()}
    assert exporter.export(Recipe.parse("onnx:int8-dynamic(step=int8-joint)")) == joint
    # The encoder and the step in fp32, of which all recipes are made.
    assert len(list((exporter.store.folder / "graphs").glob("*.onnx"))) == 2
    assert {part.path.stat().st_mtime_ns for part in joint.files.values()} == stamps


def test_what_the_joint_alone_costs_is_less(exporter: Exporter) -> None:
    """Sizes: of fp32, the products of the joint, everything."""
    sizes = [
        exporter.export(Recipe.parse(f"onnx:int8-dynamic(step={step})")).files[STEP].size_bytes
        for step in ("fp32", "int8-joint", "int8-dynamic")
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 3


def test_fixed_shapes_hold_as_many_hypotheses_as_the_decoder_keeps(exporter: Exporter) -> None:
    artifact = exporter.export(Recipe.parse("litert:fp32"))
    assert artifact.contract.search is not None
    assert artifact.contract.search.batch == artifact.contract.decoder.beam
    kept = json.loads((artifact.path.parent.parent / artifact.sha256 / "contract.json").read_text())
    assert strict_json.from_json(StreamContract, kept) == artifact.contract
