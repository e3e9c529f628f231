"""TorchScript for real: what torch makes, what the agent runs of it, and what torch refuses in its own words."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from agents import wire
from agents.backends.torchscript import TorchScriptBackend
from agents.backends.torchscript_step import TorchScriptStep
from agents.contract import Decoder, StatePair, StepContract, StreamContract, TensorSpec
from agents.failure import Failure
from agents.probe.torchscript import probe_torchscript
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadRecipe, ExportFailed
from orchestrator.make.export.step_source import step_source
from orchestrator.make.export.torchscript import TorchScriptFormat
from orchestrator.make.models.module import ModuleRef
from orchestrator.make.models.source import ModelSource
from orchestrator.make.models.stepping import open_graph
from tests.agents.backends.streaming import streamed
from tests.agents.device import CHUNK, HIDDEN, Device, contract
from tests.export.leaky import leaky

# torch calls everything about TorchScript deprecated, with each call.
pytestmark = pytest.mark.filterwarnings("ignore")


def source(target: str = "tests.export.leaky:leaky", **changes: Any) -> ModelSource:
    return ModelSource("leaky", contract(**changes), None, "0" * 64, None, module=ModuleRef(target))


def made(folder: Path, recipe: str, of: ModelSource | None = None) -> Path:
    found = TorchScriptFormat(of or source(), list).make(Recipe.parse(recipe), folder)
    path = folder / f"made-{len(list(folder.iterdir()))}{found.suffix}"
    path.write_bytes(found.content)
    return path


def loaded(folder: Path, path: Path, profile: str | None = None, **changes: Any) -> TorchScriptBackend:
    device = Device(folder / "device")
    blob = device.put(path.read_bytes(), path.suffix)
    spec = device.spec(model=blob, **{"runtime": "torchscript", "provider": "CPU", **changes})
    backend = TorchScriptBackend(spec, str(device.root / "blobs" / blob.file_name), profile)
    backend.first_run()
    backend.bind()
    return backend


def chunks(count: int) -> list[Any]:
    return list(np.random.default_rng(1).standard_normal((count, 1, CHUNK)).astype(np.float32))


@torch.no_grad()
def truth(inputs: list[Any]) -> list[Any]:
    module, state, found = leaky().eval(), torch.zeros(1, HIDDEN), []
    for x in inputs:
        y, state = module(torch.from_numpy(x), state)
        found.append(y.numpy().copy())
    return found


@pytest.mark.parametrize(
    "recipe",
    [
        "torchscript:fp32",
        "torchscript:fp32(mode=script)",
        "torchscript:fp32(freeze=yes)",
        "torchscript:fp32(container=lite)",
    ],
)
def test_a_stream_equals_the_module(tmp_path: Path, recipe: str) -> None:
    path, inputs = made(tmp_path, recipe), chunks(20)
    backend = loaded(tmp_path, path)
    np.testing.assert_allclose(streamed(backend, inputs), truth(inputs), atol=1e-6)
    backend.reset()
    np.testing.assert_allclose(streamed(backend, inputs[:3]), truth(inputs[:3]), atol=1e-6)


def test_int8_has_eight_bits_and_comes_near(tmp_path: Path) -> None:
    path, inputs = made(tmp_path, "torchscript:int8-dynamic"), chunks(20)
    found, wanted = np.array(streamed(loaded(tmp_path, path), inputs)), np.array(truth(inputs))
    assert 0 < np.abs(found - wanted).max() < 0.05
    operators = {o.op for o in profiled(tmp_path, path).operators}
    assert "quantized::linear_dynamic" in operators


def test_the_same_recipe_gives_the_same_bytes(tmp_path: Path) -> None:
    one, two = (made(tmp_path, "torchscript:fp32(freeze=yes)") for _ in range(2))
    assert one.read_bytes() == two.read_bytes()


def test_parity_opens_the_file_by_the_contracts_names(tmp_path: Path) -> None:
    graph = open_graph(made(tmp_path, "torchscript:fp32"))
    assert [p.name for p in graph.get_inputs()] == ["x", "state_in"]
    (x,) = chunks(1)
    y, state = graph.run(["y", "state_out"], {"state_in": np.zeros((1, HIDDEN), np.float32), "x": x})
    np.testing.assert_allclose(y, truth([x])[0], atol=1e-6)
    assert state.shape == (1, HIDDEN)


def test_streams_of_one_loaded_graph_do_not_mix(tmp_path: Path) -> None:
    one, inputs = loaded(tmp_path, made(tmp_path, "torchscript:fp32")), chunks(6)
    two = one.another()
    for k, x in enumerate(inputs):
        one.input[:], two.input[:] = x, inputs[-1 - k]
        one.step()
        two.step()
    np.testing.assert_allclose(one.outputs[0], truth(inputs)[-1], atol=1e-6)
    np.testing.assert_allclose(two.outputs[0], truth(inputs[::-1])[-1], atol=1e-6)


def test_a_state_that_lies_in_the_input_is_kept(tmp_path: Path) -> None:
    path, inputs = made(tmp_path, "torchscript:fp32", source("tests.export.leaky:lent")), chunks(5)
    found = streamed(loaded(tmp_path, path), inputs)
    wanted = [np.zeros((1, HIDDEN), np.float32), *(x[:, -HIDDEN:] for x in inputs[:-1])]
    np.testing.assert_array_equal(found, wanted)


def profiled(folder: Path, path: Path) -> wire.Profile:
    backend = loaded(folder, path, profile="on")
    streamed(backend, chunks(8))
    return backend.end_profile()


def test_operators_are_timed(tmp_path: Path) -> None:
    profile = profiled(tmp_path, made(tmp_path, "torchscript:fp32"))
    by_op = {o.op: o for o in profile.operators}
    assert by_op["aten::tanh"].calls == 8
    assert "interpreter" in by_op
    assert sum(o.share or 0 for o in profile.operators) == pytest.approx(1)
    assert any(o.node == "aten::tanh (1x8)" for o in profile.operators)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"provider": "CUDA"}, "runs on the provider CPU here"),
        ({"session_options": {"speed": "1"}}, "unknown session option 'speed' of torchscript"),
        ({"session_options": {"optimize_for_inference": "2"}}, "must be one of 0, 1"),
        ({"session_options": {"quantized_engine": "abacus"}}, "quantized_engine must be one of .*fbgemm"),
    ],
)
def test_a_session_that_cannot_be_says_why(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = made(tmp_path, "torchscript:fp32")
    with pytest.raises(Failure, match=message):
        loaded(tmp_path, path, **changes)


def test_options_keep_the_result(tmp_path: Path) -> None:
    options = {"optimize_for_inference": "1", "flush_denormal": "1"}
    backend, inputs = loaded(tmp_path, made(tmp_path, "torchscript:fp32"), session_options=options), chunks(10)
    np.testing.assert_allclose(streamed(backend, inputs), truth(inputs), atol=1e-5)


def test_another_contract_is_refused(tmp_path: Path) -> None:
    other = contract(states=(StatePair("h", "state_out", (1, HIDDEN)),))
    with pytest.raises(Failure, match="the contract says x, h"):
        loaded(tmp_path, made(tmp_path, "torchscript:fp32"), contract=other)
    wide = contract(outputs=(TensorSpec("y", (1, HIDDEN + 1)),))
    with pytest.raises(Failure, match=r"y is float32\[1, 8\], the contract says float32\[1, 9\]"):
        loaded(tmp_path, made(tmp_path, "torchscript:fp32"), contract=wide)


def test_what_torch_refuses_is_said_in_its_words(tmp_path: Path) -> None:
    with pytest.raises(ExportFailed, match="only available with XNNPACK"):
        made(tmp_path, "torchscript:fp32(container=lite,mobile=yes)")
    kws = ModelSource(
        "kws", contract(), None, "0" * 64, None, module=ModuleRef("orchestrator.make.models.reference.kws.load:load")
    )
    with pytest.raises(ExportFailed, match=r"can't take variable number of arguments.*kws/model\.py:\d+"):
        made(tmp_path, "torchscript:fp32(mode=script)", kws)
    with pytest.raises(ExportFailed, match="changes nothing"):
        made(tmp_path, "torchscript:int8-dynamic", source("tests.export.leaky:lent"))
    with pytest.raises(BadRecipe, match="no layer entr that is quantized") as bad:
        made(tmp_path, "torchscript:int8-dynamic(exclude_nodes=entr)")
    assert "enter" in (bad.value.hint or "")


def test_the_probe_runs_a_graph() -> None:
    probe: Any = probe_torchscript()
    assert (probe.usable, probe.version) == (True, torch.__version__)
    one: Any = probe_torchscript("CPU")
    assert one.usable, one.reason


def transducer() -> ModelSource:
    step = StepContract(
        token=TensorSpec("token", (1,), "int32"),
        frame=TensorSpec("frame", (1, 6)),
        states=(StatePair("h", "h_new", (1, 16)), StatePair("c", "c_new", (1, 16))),
        logits=TensorSpec("logits", (1, 5)),
        batch=4,
    )
    whole = contract(
        outputs=(TensorSpec("y", (1, 1, 6)),),
        decoder=Decoder("rnnt", tuple("_abcd"), beam=4),
        search=step,
    )
    module = ModuleRef("tests.export.test_torchscript:joint")
    return ModelSource("transducer", whole, None, "0" * 64, None, module=module, step_module=module)


def joint() -> Any:
    from orchestrator.make.models.reference.rnnt import PredictionJoint

    torch.manual_seed(5)
    return PredictionJoint(labels=5, frame=6, hidden=16, embedding=8)


@torch.no_grad()
def test_a_step_graph_takes_any_number_of_hypotheses(tmp_path: Path) -> None:
    of = transducer()
    path = made(tmp_path, "torchscript:fp32", step_source(of, "torchscript"))
    device = Device(tmp_path / "device")
    blob = device.put(path.read_bytes(), ".pt")
    spec = device.spec(model=blob, contract=of.contract, runtime="torchscript", provider="CPU", parts={wire.STEP: blob})
    step = TorchScriptStep(spec, str(device.root / "blobs" / blob.file_name))
    rng = np.random.default_rng(2)
    step.tokens[:], step.frames[:] = [0, 3, 1, 2], rng.standard_normal((4, 6))
    for values in step.states_in.values():
        values[:] = rng.standard_normal((4, 16))
    inputs = [torch.from_numpy(a.copy()) for a in (step.tokens, step.frames, *step.states_in.values())]
    logits, h, c = joint().eval()(*inputs)
    for count in (4, 1, 3):
        step.run(count)
        np.testing.assert_allclose(step.logits[:count], logits[:count], atol=1e-6)
        np.testing.assert_allclose(step.states_out["h"][:count], h[:count], atol=1e-6)
        np.testing.assert_allclose(step.states_out["c"][:count], c[:count], atol=1e-6)


def test_a_contract_of_one_chunk_size_is_enough(tmp_path: Path) -> None:
    plain: StreamContract = contract()
    assert plain.allowed_chunk_samples == (CHUNK, 2 * CHUNK)
    backend = loaded(tmp_path, made(tmp_path, "torchscript:fp32"), chunk_samples=2 * CHUNK)
    backend.input[:] = 0.1
    backend.step()
    assert backend.outputs[0].shape == (1, HIDDEN)
