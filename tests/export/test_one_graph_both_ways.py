"""state=optional of graphs that are made from modules: attention caches, too, have a start that may be left out."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from orchestrator.make.export.module_graphs import ModuleGraphs
from orchestrator.make.export.optional_state import with_optional_states
from orchestrator.make.models.reference_source import reference_source
from orchestrator.make.models.stepping import chunk_inputs, open_session, step_through
from tests import graphs


@pytest.mark.parametrize("name", ["digits-conformer", "digits-quartznet"])
def test_without_states_it_takes_the_whole(name: str, tmp_path: Path) -> None:
    source = reference_source(name)
    contract = source.contract
    model = onnx.load(ModuleGraphs(source, tmp_path).onnx().path)
    session = open_session(with_optional_states(model, contract.states).SerializeToString())
    assert [port.name for port in session.get_inputs()] == [contract.input.name]
    samples = graphs.babble(60 * contract.chunk_s(), 3)
    streamed = np.concatenate([o[0] for o in step_through(session, contract, samples, contract.chunk_samples)], axis=1)
    inputs = np.concatenate(list(chunk_inputs(contract, samples, contract.chunk_samples)), axis=contract.time_axis)
    whole = session.run([contract.outputs[0].name], {contract.input.name: inputs})[0]
    assert whole.shape == streamed.shape
    assert np.abs(whole - streamed).max() < 1e-3
    assert np.abs(streamed).max() > 1
