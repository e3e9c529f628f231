"""Whole sessions of a transducer: encoder and step graph on ONNX Runtime, searched by the agent."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from agents import wire
from agents.contract import StreamContract
from agents.decode import make_decoder
from agents.features import make_frontend
from tests import graphs
from tests.agents.backends.test_step_graphs import step_graph
from tests.agents.decode.toy_step import decoder, step_contract, toy_search
from tests.agents.device import Device, wav_bytes

SECONDS = 1.0


def encoder() -> tuple[bytes, StreamContract]:
    graph = graphs.conv_graph(layers=1)
    return graph.SerializeToString(), graphs.conv_contract(graph)


def spec_of(device: Device, beam: int, **changes: Any) -> wire.RunSpec:
    content, contract = encoder()
    contract = replace(contract, decoder=decoder(beam=beam), search=step_contract(beam))
    device.root.mkdir(parents=True, exist_ok=True)
    return device.spec(
        model=device.put(content, ".onnx"),
        contract=contract,
        parts={wire.STEP: device.put(step_graph().SerializeToString(), ".onnx")},
        audio=device.put(wav_bytes(device.root / "babble.wav", graphs.babble(SECONDS)), ".wav"),
        chunk_samples=contract.chunk_samples,
        **changes,
    )


def heard_by_hand(samples: NDArray[np.int16], beam: int, tmp_path: Path) -> Any:
    content, contract = encoder()
    session: Any = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    frames = make_frontend(contract)
    # The state at the start is zeros and the graph is causal: one call hears it all.
    whole = np.empty((1, len(samples) // 160, graphs.MELS), np.float32)
    frames.push_into(samples, whole)
    states = {s.input: np.zeros(s.shape, np.float32) for s in contract.states}
    search = make_decoder(decoder(beam=beam), toy_search(beam))
    search.push(session.run(["logits"], {"frames": whole, **states})[0])
    return search.finish()


@pytest.mark.parametrize("beam", [1, 4])
def test_a_session_hears_what_the_search_hears(device: Device, tmp_path: Path, beam: int) -> None:
    samples = graphs.babble(SECONDS)
    spec = spec_of(device, beam, mode="evaluate", spans=(wire.Span(0, len(samples)),))
    result = device.run(spec).result
    assert result.outcome == "ok", result.reason
    wanted = heard_by_hand(samples, beam, tmp_path)
    assert wanted["events"], "nothing was said, so nothing is tested"
    heard = result.decoded[0]
    assert heard["text"] == wanted["text"]
    assert [e["heard_frame"] for e in heard["events"]] == [e["heard_frame"] for e in wanted["events"]]


def test_the_search_is_the_decode_column(device: Device) -> None:
    run = device.run(spec_of(device, 4, mode="flat-out", chunk_count=40))
    assert run.result.outcome == "ok", run.result.reason
    times = device.arrays()["t_ns"]
    assert (times[:, wire.DONE] > times[:, wire.MODEL_DONE]).all()


def test_streams_of_one_session_share_the_step_graph(device: Device) -> None:
    spec = spec_of(device, 1, mode="multi", chunk_count=40, streams=2, sharing=wire.ONE_SESSION)
    result = device.run(spec).result
    assert result.outcome == "ok", result.reason
    first, second = result.decoded
    assert first["text"] == second["text"] != ""


def test_placement_needs_no_search(device: Device) -> None:
    result = device.run(spec_of(device, 1, mode="placement", chunk_count=4)).result
    assert result.outcome == "ok", result.reason
    assert result.operators


def test_a_missing_step_graph_is_told(device: Device) -> None:
    spec = spec_of(device, 1, mode="flat-out", chunk_count=4)
    absent = replace(spec, parts={wire.STEP: wire.Blob("1" * 64, 5, ".onnx")})
    result = device.run(absent).result
    assert result.failure == "model-load"
    assert "1111" in str(result.reason)
