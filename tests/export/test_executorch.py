"""Programs made by executorch from modules: equal to them, quantized as asked, refused with operator and line."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from agents.pte_file import read_pte
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadRecipe, ExportFailed
from orchestrator.make.models.stepping_pte import PteGraph

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from orchestrator.make.export.executorch_program import all_rows, program_of
    from orchestrator.make.export.executorch_quantize import coming_back
    from orchestrator.make.export.gates import with_gates
    from orchestrator.make.export.step_module import FrameFirst
    from orchestrator.make.models.reference.rnnt import PredictionJoint

pytestmark = pytest.mark.filterwarnings("ignore")  # Of torch, torchao and executorch at each other.
FP32, DYNAMIC, STATIC = (Recipe.parse(f"executorch:{p}") for p in ("fp32", "int8-dynamic", "int8-static"))


class Gated(nn.Module):
    """Linear, LSTM, linear: (x, h, c) -> (y, h, c)."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(12, 16)
        self.lstm = nn.LSTM(16, 24, 2, batch_first=True)
        self.leave = nn.Linear(24, 5)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y, (h, c) = self.lstm(torch.relu(self.enter(x)), (h, c))
        return self.leave(y), h, c


def gated() -> Gated:
    torch.manual_seed(3)
    return Gated().eval()


def feeds(count: int, steps: int = 3, seed: int = 0) -> list[tuple[Tensor, ...]]:
    made = torch.Generator().manual_seed(seed)
    shapes = ((1, steps, 12), (2, 1, 24), (2, 1, 24))
    return [tuple(torch.randn(shape, generator=made) for shape in shapes) for _ in range(count)]


def stepped(folder: Path, content: bytes, inputs: Sequence[Tensor], outputs: int) -> list[np.ndarray]:
    path = folder / "model.pte"
    path.write_bytes(content)
    names = [f"o{n}" for n in range(outputs)]
    return PteGraph(path).run(names, {f"i{n}": values.numpy() for n, values in enumerate(inputs)})


def snr_db(wanted: Sequence[Tensor], got: Sequence[np.ndarray]) -> float:
    truth = np.concatenate([w.detach().numpy().ravel() for w in wanted])
    noise = np.concatenate([g.ravel() for g in got]) - truth
    return float(10 * np.log10(np.square(truth).sum() / np.square(noise).sum()))


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize(("layers", "count", "steps"), [(1, 1, 1), (2, 1, 3), (3, 4, 2)])
def test_an_lstm_of_gates_is_the_same_lstm(batch_first: bool, layers: int, count: int, steps: int) -> None:
    holder = nn.Sequential(nn.LSTM(5, 7, layers, batch_first=batch_first)).eval()
    x = torch.randn((count, steps, 5) if batch_first else (steps, count, 5))
    state = (torch.randn(layers, count, 7), torch.randn(layers, count, 7))
    with torch.no_grad():
        y, (h, c) = holder[0](x, state)
        again, (h2, c2) = with_gates(holder)[0](x, state)
    assert not isinstance(holder[0], nn.LSTM)
    for one, other in ((y, again), (h, h2), (c, c2)):
        torch.testing.assert_close(other, one, atol=1e-6, rtol=0)


def test_a_cell_of_gates_is_the_same_cell() -> None:
    holder = nn.Sequential(nn.LSTMCell(5, 7)).eval()
    x, state = torch.randn(3, 5), (torch.randn(3, 7), torch.randn(3, 7))
    with torch.no_grad():
        wanted, got = holder[0](x, state), with_gates(holder)[0](x, state)
    torch.testing.assert_close(got, wanted, atol=1e-6, rtol=0)


def test_fp32_is_one_delegated_part_equal_to_its_source_with_the_same_bytes_each_time(tmp_path: Path) -> None:
    (inputs,) = feeds(1)
    content, _ = program_of(gated(), inputs, (), FP32)
    assert program_of(gated(), inputs, (), FP32)[0] == content
    assert snr_db(gated()(*inputs), stepped(tmp_path, content, inputs, 3)) > 110
    about = read_pte(str(tmp_path / "model.pte"))
    assert (about.backends, about.operators) == (("XnnpackBackend",), ())


def test_int8_reaches_the_recurrent_products(tmp_path: Path) -> None:
    (inputs,) = feeds(1, seed=9)
    plain, _ = program_of(gated(), inputs, (), FP32)
    content, _ = program_of(gated(), inputs, (), DYNAMIC)
    assert len(content) < 0.75 * len(plain)
    assert 30 < snr_db(gated()(*inputs), stepped(tmp_path, content, inputs, 3)) < 80


def streams(module: nn.Module, given: Tensor, count: int, seed: int) -> list[tuple[Tensor, ...]]:
    """What ``module`` is called with over a stream of noise: its states as they come to be, ``given`` at the start."""
    made, states, calls = torch.Generator().manual_seed(seed), [torch.zeros_like(s) for s in STATES[type(module)]], []
    for _ in range(count):
        calls.append((torch.randn(given.shape, generator=made), *states))
        with torch.no_grad():
            _, *states = module(*calls[-1])
    return calls


def static_snr_db(module: nn.Module, given: Tensor, folder: Path) -> float:
    """Over the output of a stream that carries the quantized program's own states."""
    calls = streams(module, given, 24, seed=1)
    content, _ = program_of(module, calls[0], (), STATIC, calls)
    states, wanted, got = list(calls[0][1:]), [], []
    for call in streams(module, given, 16, seed=2):
        answer = stepped(folder, content, (call[0], *states), 1 + len(states))
        got.append(answer[0])
        states = [torch.from_numpy(s.copy()) for s in answer[1:]]
        with torch.no_grad():
            wanted.append(module(*call)[0])
    return snr_db(wanted, got)


class Cached(nn.Module):
    """Two causal convolutions with a residual; the cache is shifted: (x, past) -> (y, past)."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv1d(12, 16, 5), nn.Conv1d(16, 12, 1)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        heard = torch.cat([past, x], 2)
        return self.second(torch.relu(self.first(heard))) + x, heard[:, :, -4:]


STATES = {Gated: feeds(1)[0][1:], Cached: (torch.zeros(1, 12, 4),)}


def test_static_int8_is_near_over_a_stream(tmp_path: Path) -> None:
    """What a cell adds and multiplies stays in float: the error of eight bits there would come back with every call."""
    torch.manual_seed(5)
    assert static_snr_db(gated(), torch.zeros(1, 3, 12), tmp_path) > 25
    assert static_snr_db(Cached().eval(), torch.zeros(1, 12, 6), tmp_path) > 25


def test_what_comes_back_is_what_a_state_is_computed_from() -> None:
    """Not a cache that is shifted."""

    def found(module: nn.Module, given: Sequence[Tensor]) -> set[str]:
        graph = torch.export.export(module, tuple(given), strict=True).module().graph
        return {str(n.target) for n in coming_back(graph, 1) if n.op == "call_function"}

    assert {"aten.add.Tensor", "aten.mul.Tensor", "aten.cat.default"} <= found(with_gates(gated()), feeds(1)[0])
    assert found(Cached().eval(), (torch.zeros(1, 12, 6), torch.zeros(1, 12, 4))) == set()


def test_parts_are_left_in_float_by_name_by_type_and_for_the_state(tmp_path: Path) -> None:
    inputs = feeds(1)[0]
    whole = len(program_of(gated(), inputs, (), DYNAMIC)[0])
    sizes = {
        option: len(program_of(gated(), inputs, (), DYNAMIC.with_options(**{option: value}))[0])
        for option, value in (("exclude_modules", "lstm"), ("only_modules", "leave"), ("exclude", "recurrent"))
    }
    assert all(size > whole for size in sizes.values()), (whole, sizes)
    # What leads to no state is the last product alone.
    assert sizes["exclude"] == sizes["only_modules"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"exclude_modules": "lstn"}, "the module has no part lstn"),
        ({"only_types": "conv"}, "the graph has no conv to quantize"),
    ],
)
def test_names_that_are_not_there_are_refused(options: dict[str, str], why: str) -> None:
    with pytest.raises(BadRecipe, match=why):
        program_of(gated(), feeds(1)[0], (), DYNAMIC.with_options(**options))


class Elementwise(nn.Module):
    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        state = torch.tanh(state * 0.5 + x)
        return state * 2.0, state


class Bessel(nn.Module):
    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return torch.special.bessel_j0(x) + state, state


class Branch(nn.Module):
    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        if x.sum() > 0:
            state = state + x
        return x, state


PAIR = (torch.zeros(1, 8), torch.zeros(1, 8))


def test_a_recipe_that_would_change_nothing_is_refused() -> None:
    with pytest.raises(ExportFailed, match="changes nothing in this graph: XNNPACK quantizes none of"):
        program_of(Elementwise(), PAIR, (), DYNAMIC)


@pytest.mark.parametrize(
    ("module", "operator", "line"),
    [(Bessel(), "special_bessel_j0", "return torch.special.bessel_j0"), (Branch(), "Data-dependent", "if x.sum() > 0")],
)
def test_what_cannot_be_made_is_told_with_its_line(module: nn.Module, operator: str, line: str) -> None:
    lines = Path(__file__).read_text().splitlines()
    number = next(n for n, text in enumerate(lines, 1) if text.strip().startswith(line))
    with pytest.raises(ExportFailed, match=operator) as caught:
        program_of(module, PAIR, (), FP32)
    assert f"(test_executorch.py:{number}, in forward)" in caught.value.message


def test_a_backend_without_its_sdk_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("QNN_SDK_ROOT", raising=False)
    with pytest.raises(ExportFailed, match="QNN_SDK_ROOT is not set") as caught:
        program_of(Elementwise(), PAIR, (), FP32.with_options(backend="qnn"))
    assert "Qualcomm AI Engine Direct" in str(caught.value.hint)
    monkeypatch.setenv("QNN_SDK_ROOT", str(tmp_path / "gone"))
    with pytest.raises(ExportFailed, match="which is no folder"):
        program_of(Elementwise(), PAIR, (), FP32.with_options(backend="qnn"))


def test_portable_programs_delegate_nothing(tmp_path: Path) -> None:
    content, _ = program_of(Elementwise(), PAIR, (), FP32.with_options(backend="portable"))
    inputs = (torch.full((1, 8), 0.3), torch.full((1, 8), -0.2))
    assert snr_db(Elementwise()(*inputs), stepped(tmp_path, content, inputs, 2)) > 100
    assert read_pte(str(tmp_path / "model.pte")).backends == ()


@pytest.mark.parametrize("recipe", [FP32, DYNAMIC])
def test_a_step_graph_takes_one_hypothesis_or_all(tmp_path: Path, recipe: Recipe) -> None:
    torch.manual_seed(4)
    module = FrameFirst(PredictionJoint(labels=11, frame=16, hidden=24, embedding=8)).eval()
    inputs = (torch.zeros(4, 16), torch.zeros(4, 24), torch.zeros(4, 24), torch.zeros(4, dtype=torch.int32))
    content, _ = program_of(module, inputs, all_rows(inputs), recipe)
    for count in (1, 3, 4):
        token = torch.arange(count, dtype=torch.int32) % 11
        some = (torch.randn(count, 16), torch.randn(count, 24), torch.randn(count, 24), token)
        with torch.no_grad():
            wanted = module(*some)
        got = stepped(tmp_path, content, some, 3)
        assert [g.shape for g in got] == [tuple(w.shape) for w in wanted]
        assert snr_db(wanted, got) > (110 if recipe is FP32 else 25)
