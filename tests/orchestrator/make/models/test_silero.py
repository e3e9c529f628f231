"""Silero VAD, as its wheel ships it: a graph that nobody here made."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from orchestrator.make.models.answers import Answers
from orchestrator.make.models.graph import read_graph
from orchestrator.make.models.infer import infer_contract
from orchestrator.make.models.library import find_model, import_model
from orchestrator.make.models.stepping import open_session, step_through
from tests import graphs
from tests.hosts import missing


@pytest.fixture(scope="module")
def silero() -> Path:
    # The wheel's own __init__ imports torch; its data do not need it.
    spec = importlib.util.find_spec("silero_vad")
    if spec is None or spec.origin is None:
        missing("silero-vad is not installed: pip install --no-deps silero-vad")
    return Path(spec.origin).parent / "data" / "silero_vad.onnx"


def test_asks_for_what_the_graph_does_not_say(silero: Path) -> None:
    inference = infer_contract(read_graph(silero), "silero-vad", Answers())
    assert inference.contract is None
    asked = {q.flag for q in inference.questions}
    assert asked == {"--chunk-samples N", "--constant sr=16000", "--sample-rate HZ"}


def test_imports_and_streams(silero: Path, tmp_path: Path) -> None:
    answers = Answers(chunk_samples=512, context_samples=64, constants={"sr": 16000.0})
    contract = infer_contract(read_graph(silero), "my-silero", answers).contract
    assert contract is not None
    assert contract.input.shape == (1, 576)
    assert [(s.input, s.output, s.shape) for s in contract.states] == [("state", "stateN", (2, 1, 128))]

    import_model(silero, contract, tmp_path)
    source = find_model("my-silero", tmp_path)
    audio = np.concatenate([np.zeros(16_000, np.int16), graphs.babble(1.0)])
    outputs = step_through(open_session(source.onnx_path), source.contract, audio, 512)
    probabilities = np.array([o[0].item() for o in outputs])
    assert len(probabilities) == len(audio) // 512
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert (probabilities[5:31] < 0.1).all(), "digital silence is no speech"
