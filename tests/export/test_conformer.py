"""The streaming Conformer and the transducer's step, as torch runs them and as ONNX Runtime does."""

import itertools
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from agents.strict_json import to_json
from orchestrator.make.models import reference
from orchestrator.make.models.reference import modules
from orchestrator.make.models.reference.conformer import HIDDEN_SCORE, DistanceBias, StreamingConformer
from orchestrator.make.models.reference.digits_conformer import contract as digits_contract
from orchestrator.make.models.reference.digits_conformer import evaluation
from orchestrator.make.models.reference.rnnt import PredictionJoint, greedy, rnnt_loss

TOLERANCE = 1e-4
FEATURES, STACK, LEFT, KERNEL = 6, 2, 5, 4


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(3)


def small() -> StreamingConformer:
    """Fewer frames of memory than the test's sequences have, and positions that matter."""
    module = StreamingConformer(
        FEATURES, outputs=7, stack=STACK, d=8, inner=12, layers=2, heads=2, kernel=KERNEL, left=LEFT, dropout=0.0
    )
    nn.init.normal_(module.bias.by_age)
    return module.eval()


def in_chunks(module: nn.Module, frames: Tensor, state: list[Tensor], size: int) -> tuple[Tensor, list[Tensor]]:
    told = []
    for chunk in frames.split(size, dim=1):
        out, *state = module(chunk, *state)
        told.append(out)
    return torch.cat(told, dim=1), state


@torch.no_grad()
@pytest.mark.parametrize("size", [STACK, 3 * STACK, 20 * STACK])
def test_a_stream_in_chunks_equals_the_whole(size: int) -> None:
    module, frames = small(), torch.randn(3, 40 * STACK, FEATURES)
    whole, *state = module(frames, *module.fresh_state(3))
    told, last = in_chunks(module, frames, module.fresh_state(3), size)
    assert whole.shape == (3, 40, 7)
    assert (told - whole).abs().max() < TOLERANCE
    assert [tuple(s.shape) for s in last] == module.state_shapes(3)
    for ours, theirs in zip(last, state, strict=True):
        assert (ours - theirs).abs().max() < TOLERANCE


@torch.no_grad()
def test_what_comes_later_or_is_forgotten_changes_nothing() -> None:
    module, frames = small(), torch.randn(1, 60 * STACK, FEATURES)
    out = module(frames, *module.fresh_state())[0]
    later = frames.clone()
    later[:, 50 * STACK :] += 1.0
    assert torch.equal(module(later, *module.fresh_state())[0][:, :50], out[:, :50])
    assert not torch.equal(module(later, *module.fresh_state())[0][:, 50], out[:, 50])
    # Two blocks look back LEFT + KERNEL - 1 frames each, and the first layers one.
    reach = 2 * (LEFT + KERNEL - 1) + 1
    earlier = frames.clone()
    earlier[:, :STACK] += 1.0
    assert torch.equal(module(earlier, *module.fresh_state())[0][:, reach + 1 :], out[:, reach + 1 :])


@torch.no_grad()
def test_a_distance_has_one_bias_wherever_it_is() -> None:
    bias = DistanceBias(heads=2, left=3)
    nn.init.normal_(bias.by_age)
    scores = bias(torch.zeros(1, 4, 8))
    assert scores.shape == (2, 4, 7)
    for query, key in itertools.product(range(4), range(7)):
        distance = 3 + query - key
        expected = bias.by_age[:, 3 - distance] if 0 <= distance <= 3 else torch.full((2,), HIDDEN_SCORE)
        assert torch.equal(scores[:, query, key], expected), (query, key)


def loss_over_all_paths(log_p: Tensor, labels: list[int], blank: int) -> float:
    """-log of the sum over every order of the blanks and the labels, for log_p (T, U + 1, V)."""
    count, paths = log_p.shape[0], []
    # The last move is the blank that ends the last frame.
    for emits in itertools.combinations(range(count - 1 + len(labels)), len(labels)):
        frame, said, total = 0, 0, 0.0
        for move in range(count - 1 + len(labels)):
            total += float(log_p[frame, said, labels[said] if move in emits else blank])
            frame, said = (frame, said + 1) if move in emits else (frame + 1, said)
        paths.append(total + float(log_p[frame, said, blank]))
    return -float(torch.logsumexp(torch.tensor(paths, dtype=torch.float64), 0))


@pytest.mark.parametrize("blank", [0, 2])
def test_the_loss_is_that_of_all_paths(blank: int) -> None:
    logits = torch.randn(4, 5, 4, 6, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([[1, 1, 4], [5, 3, 0], [4, 0, 0], [0, 0, 0]])
    frame_counts, label_counts = torch.tensor([5, 3, 1, 4]), torch.tensor([3, 2, 1, 0])
    losses = rnnt_loss(logits, labels, frame_counts, label_counts, blank)
    for item, loss in enumerate(losses.tolist()):
        frames, said = int(frame_counts[item]), int(label_counts[item])
        log_p = logits[item, :frames, : said + 1].detach().log_softmax(-1)
        assert loss == pytest.approx(loss_over_all_paths(log_p, labels[item, :said].tolist(), blank))
    losses.sum().backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    # What lies outside of an item's frames and labels has no say.
    assert float(logits.grad[2, 1:].abs().max()) == 0.0
    assert float(logits.grad[3, :, 1:].abs().max()) == 0.0


def test_the_gradient_of_the_loss_is_that_of_differences() -> None:
    logits = torch.randn(2, 3, 3, 4, dtype=torch.float64, requires_grad=True)
    labels, counts = torch.tensor([[1, 2], [3, 0]]), (torch.tensor([3, 2]), torch.tensor([2, 1]))
    assert torch.autograd.gradcheck(lambda x: rnnt_loss(x, labels, *counts), logits)


@torch.no_grad()
def test_a_step_is_a_point_of_the_lattice() -> None:
    step = PredictionJoint(labels=5, frame=6, hidden=4, embedding=3).eval()
    frames, labels = torch.randn(2, 3, 6), torch.tensor([[1, 4], [2, 2]])
    lattice = step.lattice(frames, labels)
    state, token = step.fresh_state(2), torch.zeros(2, dtype=torch.int64)
    for position in range(3):
        for at in range(3):
            logits = step(token, frames[:, at], *state)[0]
            assert (logits - lattice[:, at, position]).abs().max() < 1e-6
        if position < 2:
            state = list(step(token, frames[:, 0], *state)[1:])
            token = labels[:, position]


@torch.no_grad()
def test_hypotheses_in_one_call_do_not_see_each_other() -> None:
    step = modules.load_step("digits-conformer")
    token, frame = torch.tensor([0, 3, 10, 3]), torch.randn(4, step.prediction.out_features)
    state = [torch.randn(shape) for shape in step.state_shapes(4)]
    together = step(token, frame, *state)
    for row in range(4):
        alone = step(token[row : row + 1], frame[row : row + 1], *(s[row : row + 1] for s in state))
        for ours, theirs in zip(alone, together, strict=True):
            assert (ours[0] - theirs[row]).abs().max() < 1e-5


def test_greedy_takes_the_best_until_the_blank_or_the_limit() -> None:
    """A step whose logits are the frame itself, but for the token that it emitted last: that one it never repeats."""

    class Echo(PredictionJoint):
        def forward(self, token: Tensor, frame: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            said = nn.functional.one_hot(token, 4) * (token != 0)[:, None]
            return frame - 100.0 * said, h, c

    step = Echo(labels=4, frame=4)
    frames = torch.tensor([[[0, 5, 2, -1.0], [1, 0, 0, 0], [0, 0, 0, 9.0]]]).repeat(2, 1, 1)
    assert greedy(step, frames, torch.tensor([3, 1]), max_symbols=2) == [[1, 2, 3], [1, 2]]


@torch.no_grad()
def test_the_committed_model_streams_as_it_hears_the_whole() -> None:
    module, contract = modules.load("digits-conformer"), reference.load_contract("digits-conformer")
    frames = torch.randn(1, 64, contract.frontend.mel_count) * 2.0 - 4.0
    whole, *_ = module(frames, *module.fresh_state())
    for samples in contract.allowed_chunk_samples:
        told, _ = in_chunks(module, frames, module.fresh_state(), samples // contract.frontend.hop_samples)
        assert (told - whole).abs().max() < TOLERANCE


@torch.no_grad()
def test_the_committed_contract_and_manifest_are_those_of_the_model() -> None:
    contract = reference.load_contract("digits-conformer")
    assert to_json(contract) == to_json(digits_contract.contract())
    assert reference.manifest_path("digits-conformer").read_text() == evaluation.manifest()
    module, step = modules.load("digits-conformer"), modules.load_step("digits-conformer")
    out, *state = module(torch.zeros(contract.input.shape), *module.fresh_state())
    assert tuple(out.shape) == contract.outputs[0].shape
    assert [tuple(s.shape) for s in state] == [s.shape for s in contract.states]
    assert contract.search is not None
    token, frame = torch.zeros(contract.search.token.shape, dtype=torch.int64), out[:, 0]
    logits, *state = step(token, frame, *step.fresh_state())
    assert tuple(logits.shape) == contract.search.logits.shape
    assert [tuple(s.shape) for s in state] == [s.shape for s in contract.search.states]


@torch.no_grad()
@pytest.mark.parametrize("dynamo", [True, False])
def test_one_onnx_graph_takes_chunks_and_whole_sequences(dynamo: bool, tmp_path: Path) -> None:
    module, contract = modules.load("digits-conformer"), reference.load_contract("digits-conformer")
    session = onnx_session(module, tmp_path / "model.onnx", dynamo)
    names = [i.name for i in session.get_inputs()]
    frames = torch.randn(1, 96, contract.frontend.mel_count) * 2.0 - 4.0

    def run(part: Tensor, state: list[np.ndarray]) -> list[np.ndarray]:
        return session.run(None, dict(zip(names, [part.numpy(), *state], strict=True)))

    fresh = [s.numpy() for s in module.fresh_state()]
    expected = module(frames, *module.fresh_state())[0].numpy()
    whole = run(frames, fresh)[0]
    told, state = [], fresh
    for part in frames.split(contract.input.shape[1], dim=1):
        out, *state = run(part, state)
        told.append(out)
    assert np.abs(whole - expected).max() < TOLERANCE
    assert np.abs(np.concatenate(told, axis=1) - whole).max() < TOLERANCE


def onnx_session(module: nn.Module, path: Path, dynamo: bool) -> onnxruntime.InferenceSession:
    """The graph of either exporter, its time axis free."""
    arguments = (torch.zeros(1, 8, 40), *module.fresh_state())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            steps = torch.export.Dim("steps", min=1, max=4096)
            shapes = ({1: 4 * steps}, tuple({} for _ in arguments[1:]))
            torch.onnx.export(module, arguments, str(path), dynamo=True, dynamic_shapes=shapes, verbose=False)
        else:
            names = [f"i{i}" for i in range(len(arguments))]
            torch.onnx.export(
                module, arguments, str(path), dynamo=False, opset_version=17, input_names=names,
                output_names=[f"o{i}" for i in range(len(arguments))], dynamic_axes={"i0": {1: "T"}, "o0": {1: "S"}},
            )  # fmt: skip
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
