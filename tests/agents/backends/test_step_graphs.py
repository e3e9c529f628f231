"""The second graph of a transducer in ONNX Runtime, against the same arithmetic in numpy."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from agents import wire
from agents.backends import load_step
from agents.contract import Decoder, Frontend, StatePair, StreamContract, TensorSpec
from agents.failure import Failure
from tests.agents.decode.toy_step import HIDDEN, LABELS, WIDTH, ToyStep, step_contract

BATCH = 4


def step_graph(seed: int = 0, free: bool = True) -> onnx.ModelProto:
    """``ToyStep`` as ONNX: token, frame, h_in -> logits, h_out; axis 0 free, or one."""
    toy = ToyStep(step_contract(), seed)
    rows: Any = "hypotheses" if free else 1
    weights = {"embedding": toy._embedding, "recurrent": toy._recurrent, "joint": toy._joint}
    nodes = [
        helper.make_node("Gather", ["embedding", "token"], ["said"]),
        helper.make_node("MatMul", ["h_in", "recurrent"], ["kept"]),
        helper.make_node("Add", ["said", "kept"], ["sum"]),
        helper.make_node("Tanh", ["sum"], ["h_out"]),
        helper.make_node("Concat", ["frame", "h_out"], ["both"], axis=1),
        helper.make_node("MatMul", ["both", "joint"], ["logits"]),
    ]

    def port(name: str, kind: int, *shape: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, [rows, *shape])

    real = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "step",
        [port("token", TensorProto.INT64), port("frame", real, WIDTH), port("h_in", real, HIDDEN)],
        [port("logits", real, len(LABELS)), port("h_out", real, HIDDEN)],
        [numpy_helper.from_array(w.astype(np.float32), name) for name, w in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def spec_of(path: Path, batch: int = BATCH) -> wire.RunSpec:
    blob = wire.Blob("0" * 64, 1, path.suffix)
    contract = StreamContract(
        model="toy",
        sample_rate_hz=16_000,
        chunk_samples=320,
        allowed_chunk_samples=(320,),
        frontend=Frontend("log-mel"),
        input=TensorSpec("frames", (1, 2, 40)),
        states=(StatePair("s_in", "s_out", (1, 1)),),
        outputs=(TensorSpec("encoded", (1, 1, WIDTH)),),
        decoder=Decoder("rnnt", LABELS, beam=batch),
        search=step_contract(batch),
    )
    return wire.RunSpec(
        "s1", "paced", "onnxruntime", "CPUExecutionProvider", blob, contract, blob, 320, 1, parts={wire.STEP: blob}
    )


def saved(tmp_path: Path, **changes: Any) -> Path:
    path = tmp_path / "step.onnx"
    path.write_bytes(step_graph(**changes).SerializeToString())
    return path


@pytest.mark.parametrize("count", range(1, BATCH + 1))
def test_each_number_of_rows_gives_what_numpy_gives(tmp_path: Path, count: int) -> None:
    path = saved(tmp_path)
    step, toy = load_step("onnxruntime")(spec_of(path), str(path)), ToyStep(step_contract(BATCH))
    rng = np.random.default_rng(count)
    for _ in range(3):
        for each in (step, toy):
            each.tokens[:] = rng.integers(0, len(LABELS), BATCH)
            each.frames[:] = rng.normal(size=(BATCH, WIDTH))
            each.states_in["h_in"][:] = rng.normal(size=(BATCH, HIDDEN))
        toy.tokens[:], toy.frames[:] = step.tokens, step.frames
        toy.states_in["h_in"][:] = step.states_in["h_in"]
        step.run(count)
        toy.run(count)
        np.testing.assert_allclose(step.logits[:count], toy.logits[:count], atol=1e-5)
        np.testing.assert_allclose(step.states_out["h_in"][:count], toy.states_out["h_in"][:count], atol=1e-5)


def test_rows_beyond_the_count_are_left_alone(tmp_path: Path) -> None:
    path = saved(tmp_path)
    step = load_step("onnxruntime")(spec_of(path), str(path))
    step.logits[:] = 7.0
    step.run(2)
    assert (step.logits[2:] == 7.0).all()
    assert not (step.logits[:2] == 7.0).any()


def test_a_graph_for_one_hypothesis_does_not_serve_a_beam(tmp_path: Path) -> None:
    path = saved(tmp_path, free=False)
    load_step("onnxruntime")(spec_of(path, batch=1), str(path))
    with pytest.raises(Failure, match="take one hypothesis, and the search has 4"):
        load_step("onnxruntime")(spec_of(path), str(path))


def test_another_graph_is_refused_by_name(tmp_path: Path) -> None:
    path = saved(tmp_path)
    spec = spec_of(path)
    search = replace(step_contract(BATCH), token=TensorSpec("previous", (1,), "int64"))
    wrong = replace(spec, contract=replace(spec.contract, search=search))
    with pytest.raises(Failure, match="the graph has no input 'previous'"):
        load_step("onnxruntime")(wrong, str(path))
    path.write_bytes(b"no graph")
    with pytest.raises(Failure, match="cannot load the step graph"):
        load_step("onnxruntime")(spec, str(path))


def test_a_session_without_the_second_graph_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs the part 'step'"):
        replace(spec_of(saved(tmp_path)), parts={})


def test_a_runtime_without_transducers_says_so() -> None:
    with pytest.raises(Failure, match="echo runs no transducer"):
        load_step("echo")
