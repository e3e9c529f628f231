"""Silero VAD by its name: the wheel's graph with our contract, and an evaluation set of its own."""

import dataclasses
import importlib.util
import sys

import numpy as np
import pytest

from agents.decode import make_decoder
from orchestrator.errors import BadInput
from orchestrator.make.models.graph import read_graph
from orchestrator.make.models.silero import evaluation, source
from orchestrator.make.models.source import ModelSource
from orchestrator.make.models.stepping import open_session, step_through
from orchestrator.make.quality.evaluation import load_evaluation
from orchestrator.make.quality.scoring import score
from tests.hosts import missing


@pytest.fixture(scope="module")
def silero() -> ModelSource:
    if not source.is_installed():
        missing("silero-vad is not installed: pip install --no-deps silero-vad")
    return source.source()


def test_the_contract_is_the_graphs(silero: ModelSource) -> None:
    graph = read_graph(silero.graph_path)
    contract = silero.contract
    assert {p.name: p.shape for p in graph.inputs} == {"input": (1, 576), "state": (2, 1, 128)}
    assert {p.name: p.shape for p in graph.outputs} == {"output": (1, 1), "stateN": (2, 1, 128)}
    assert contract.input.shape == (1, 576)
    assert contract.states[0].shape == (2, 1, 128)
    assert contract.frame_samples() == contract.chunk_samples == 512
    assert (silero.metric, contract.decoder.kind) == ("f1", "vad")
    assert "torch" not in sys.modules, "finding the model needs no torch"


def test_f1_of_the_calibration_split(silero: ModelSource) -> None:
    found = load_evaluation(evaluation.MANIFEST, 16_000)
    graph, size = open_session(silero.graph_path), silero.contract.chunk_samples
    utterances = tuple(u for u in found.utterances_of("calibration"))[:12]
    decoded = []
    for utterance in utterances:
        decoder = make_decoder(silero.contract.decoder)
        samples = found.samples(utterance)
        padded = np.concatenate([samples, np.zeros(-len(samples) % size, np.int16)])
        for outputs in step_through(graph, silero.contract, padded, size):
            decoder.push(outputs[0])
        decoded.append(decoder.finish())
    some = dataclasses.replace(found, utterances=utterances)
    result = score("s", "k", silero.contract, some, "calibration", decoded)
    assert result.metric == "f1"
    assert 0.80 < result.value < 0.95
    assert result.details["recall"] > 0.85


def test_the_manifest_is_what_its_script_makes() -> None:
    assert evaluation.MANIFEST.read_text() == evaluation.text()


def test_speech_of_the_manifest_lies_in_it_and_apart() -> None:
    rows = list(evaluation.rows())
    assert {r["split"] for r in rows} == {"test", "calibration"}
    for row in rows:
        edges = [0.0] + [s for e in row["events"] for s in (e["start_s"], e["end_s"])] + [row["duration"]]
        assert edges == sorted(edges)
        gaps = [b["start_s"] - a["end_s"] for a, b in zip(row["events"], row["events"][1:], strict=False)]
        assert all(gap >= evaluation.JOINED_S for gap in gaps)


def test_without_the_wheel_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match="not installed") as error:
        source.source()
    assert "pip install --no-deps silero-vad" in error.value.hint
