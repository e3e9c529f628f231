"""state=optional: with its states a graph streams, without them the same file takes a whole recording."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.backends.onnxruntime import OnnxRuntimeBackend
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadRecipe
from orchestrator.make.export.calibration import CalibrationStream
from orchestrator.make.export.exporter import export
from orchestrator.make.export.stored import open_for
from orchestrator.make.models.reference_source import reference_source
from orchestrator.make.models.source import ModelSource
from orchestrator.make.models.stepping import chunk_inputs, initial_states, open_session, step_through
from tests import graphs
from tests.agents.device import Device

CHUNKS = 40
OPTIONAL = Recipe.parse("onnx:fp32(state=optional)")


@pytest.fixture(scope="module", params=["digits-lstm", "kws"])
def source(request: pytest.FixtureRequest) -> ModelSource:
    return reference_source(request.param)


@pytest.fixture(scope="module")
def artifact(source: ModelSource, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return export(source, OPTIONAL, tmp_path_factory.mktemp("artifacts"))


def sound(source: ModelSource) -> NDArray[np.int16]:
    return graphs.babble(CHUNKS * source.contract.chunk_s(), 5)


def whole(source: ModelSource) -> NDArray[np.float32]:
    """The graph's input for all chunks at once."""
    contract = source.contract
    return np.concatenate(list(chunk_inputs(contract, sound(source), contract.chunk_samples)), axis=1)


def alone(path: Path, source: ModelSource) -> NDArray[np.float32]:
    """The output for the whole recording where no state is given."""
    contract = source.contract
    return open_session(path).run([contract.outputs[0].name], {contract.input.name: whole(source)})[0]


def streamed(path: Path, source: ModelSource) -> NDArray[np.float32]:
    chunks = step_through(open_session(path), source.contract, sound(source), source.contract.chunk_samples)
    return np.concatenate([outputs[0] for outputs in chunks], axis=1)


def test_one_file_runs_both_ways(source: ModelSource, artifact: Artifact) -> None:
    assert artifact.parity is not None
    assert artifact.parity.passed
    assert [port.name for port in open_session(artifact.path).get_inputs()] == [source.contract.input.name]
    in_chunks, at_once = streamed(artifact.path, source), alone(artifact.path, source)
    assert at_once.shape == in_chunks.shape
    assert np.abs(at_once - in_chunks).max() < 1e-4
    assert np.abs(in_chunks).max() > 1


def test_without_states_is_what_the_source_says_with_fresh_ones(source: ModelSource, artifact: Artifact) -> None:
    contract = source.contract
    feeds = {contract.input.name: whole(source), **initial_states(contract)}
    wanted = open_session(source.graph_path).run([contract.outputs[0].name], feeds)[0]
    assert np.abs(alone(artifact.path, source) - wanted).max() < 1e-5


def test_a_state_that_is_given_counts(source: ModelSource, artifact: Artifact) -> None:
    contract, session = source.contract, open_session(artifact.path)
    frames = np.full(contract.input.shape, -6.0, dtype=np.float32)
    given = {name: value + 3.0 for name, value in initial_states(contract).items()}
    fresh = session.run([contract.outputs[0].name], {contract.input.name: frames})[0]
    other = session.run([contract.outputs[0].name], {contract.input.name: frames, **given})[0]
    assert np.abs(fresh - other).max() > 0.1


def test_what_draws_figures_of_a_stored_file_finds_its_states(source: ModelSource, artifact: Artifact) -> None:
    assert open_for(artifact.path, source.contract, "it")


def test_an_initial_value_that_is_not_zero_is_the_default(lstm: ModelSource, store: Path) -> None:
    states = tuple(replace(s, initial=0.25) for s in lstm.contract.states)
    own = replace(lstm, contract=replace(lstm.contract, states=states))
    session = open_session(export(own, OPTIONAL, store).path)
    chunk = {own.contract.input.name: np.ones(own.contract.input.shape, dtype=np.float32)}
    given = {s.input: np.full(s.shape, 0.25, dtype=s.dtype) for s in states}
    names = [own.contract.outputs[0].name]
    assert np.array_equal(session.run(names, chunk)[0], session.run(names, {**chunk, **given})[0])


@pytest.mark.parametrize("recipe", ["onnx:fp16", "onnx:int8-dynamic", "onnx:int8-qdq", "onnx:fp32(container=ort)"])
def test_every_precision_and_container_has_it(
    recipe: str, lstm: ModelSource, store: Path, calibration: CalibrationStream
) -> None:
    made = export(lstm, Recipe.parse(recipe).with_options(state="optional"), store, calibration)
    left_out = {port.name for port in open_session(made.path).get_overridable_initializers()}
    assert left_out == {s.input for s in lstm.contract.states}


def test_an_agent_streams_it(lstm: ModelSource, store: Path, tmp_path: Path) -> None:
    contract = lstm.contract
    spec = Device(tmp_path / "device").spec(contract=contract, chunk_samples=contract.chunk_samples)
    backend = OnnxRuntimeBackend(spec, str(export(lstm, OPTIONAL, store).path))
    backend.first_run()
    backend.bind()
    backend.input[:] = 1.0
    backend.step()
    first = backend.outputs[0].copy()
    backend.step()
    assert not np.array_equal(first, backend.outputs[0])
    backend.reset()
    backend.step()
    assert np.allclose(first, backend.outputs[0], atol=1e-6)


def test_another_value_is_refused() -> None:
    with pytest.raises(BadRecipe, match="state must be one of required, optional"):
        Recipe.parse("onnx:fp32(state=sometimes)")
