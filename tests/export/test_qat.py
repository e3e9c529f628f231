"""Quantization-aware fine-tuning: on a small module, and the whole way from the command line."""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import Tensor, nn

from orchestrator.cli.main import cli
from orchestrator.errors import BadInput, ExportFailed
from orchestrator.make.train.lessons import Lesson
from tests.orchestrator.workflows.mini import manifest_lines

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Of executorch's imports.
    from orchestrator.make.train.qat import Course, Learner

pytestmark = pytest.mark.filterwarnings("ignore")  # Of torch's and torchao's own.
BANDS, CHANNELS, LEFT = 6, 8, 2


class Small(nn.Module):
    """(N, T, 6), cache (N, 8, 2, 1) -> (N, T, 3), cache: a pointwise and a causal depthwise convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(BANDS, CHANNELS, 1, bias=False)
        self.norm = nn.BatchNorm2d(CHANNELS)
        self.second = nn.Conv2d(CHANNELS, CHANNELS, (LEFT + 1, 1), groups=CHANNELS)
        self.head = nn.Conv2d(CHANNELS, 3, 1)

    def forward(self, frames: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        x = torch.relu(self.norm(self.first(frames.transpose(1, 2).unsqueeze(3))))
        heard = torch.cat([cache, x], dim=2)
        return self.head(torch.relu(self.second(heard))).squeeze(3).transpose(1, 2), heard[:, :, -LEFT:]


def small() -> Small:
    torch.manual_seed(4)
    module = Small()
    module.norm.running_mean.uniform_(-0.5, 0.5)
    module.norm.running_var.uniform_(0.5, 2.0)
    return module.eval()


STREAM = (torch.zeros(1, 2, BANDS), torch.zeros(1, CHANNELS, LEFT, 1))


def lessons(goal: nn.Module, lengths: tuple[int, ...] = (20, 30)) -> Iterator[Lesson]:
    """To say what ``goal`` says."""
    generator = torch.Generator().manual_seed(1)
    while True:
        for length in lengths:
            inputs = (torch.randn(4, length, BANDS, generator=generator), torch.zeros(4, CHANNELS, LEFT, 1))
            with torch.no_grad():
                wanted = goal(*inputs)[0]
            yield Lesson(inputs, lambda outputs, wanted=wanted: (outputs[0] - wanted).square().mean())


def snr_db(truth: Tensor, other: Tensor) -> float:
    return float(10 * torch.log10(truth.square().sum() / (truth - other).square().sum()))


def learner(module: nn.Module, goal: nn.Module, steps: int, rate: float = 1e-3) -> tuple[Learner, Iterator[Lesson]]:
    drawn = lessons(goal)
    return Learner(module, STREAM, next(drawn), Course(steps, rate, seed=0)), drawn


def test_a_graph_that_rounds_starts_near_the_module() -> None:
    """Its moving averages would clip what is concatenated with a fresh cache by half."""
    one, drawn = learner(small(), small(), steps=2)
    first = next(one.learn(drawn))
    with torch.no_grad():
        power = small()(*next(lessons(small())).inputs)[0].square().mean()
    assert first < 0.01 * float(power)


def test_what_is_learned_is_in_the_weights_and_in_the_int8_graph() -> None:
    goal, module = small(), small()
    with torch.no_grad():
        goal.head.weight += 0.3
    one, drawn = learner(module, goal, steps=200, rate=1e-2)
    losses = list(one.learn(drawn))
    assert np.mean(losses[-20:]) < 0.2 * np.mean(losses[:20])
    assert one.losses == tuple(losses)
    weights = one.weights()
    again = small()
    again.load_state_dict(weights)
    frames, cache = torch.randn(1, 40, BANDS), STREAM[1]
    quantized = one.quantized()
    with torch.no_grad():
        fp32, int8 = again(frames, cache)[0], quantized(frames, cache)[0]
    assert snr_db(fp32, int8) > 20
    assert not torch.equal(fp32, int8)


def test_the_int8_graph_streams_one_chunk_of_one_stream() -> None:
    one, drawn = learner(small(), small(), steps=4)
    list(one.learn(drawn))
    exported = torch.export.export(one.quantized(), STREAM, strict=True).module()
    frames, state, pieces = torch.randn(1, 12, BANDS), STREAM[1], []
    for at in range(0, 12, 2):
        logits, state = exported(frames[:, at : at + 2], state)
        pieces.append(logits)
    with torch.no_grad():
        whole = small()(frames, STREAM[1])[0]
    assert snr_db(whole, torch.cat(pieces, 1)) > 15


def test_statistics_of_batch_norms_stay() -> None:
    module = small()
    before = module.norm.running_mean.clone(), module.norm.running_var.clone()
    one, drawn = learner(module, small(), steps=5)
    list(one.learn(drawn))
    after = one.weights()
    assert torch.equal(after["norm.running_mean"], before[0])
    assert torch.equal(after["norm.running_var"], before[1])


def test_the_same_seed_learns_the_same() -> None:
    def losses() -> list[float]:
        one, drawn = learner(small(), small(), steps=3)
        return list(one.learn(drawn))

    assert losses() == losses()


class Sum(nn.Module):
    def forward(self, frames: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        return torch.cumsum(frames, 1), cache


def test_a_module_of_which_nothing_is_quantized_is_refused() -> None:
    one = Learner(Sum(), STREAM, next(lessons(Sum())), Course(1, 1e-3, seed=0))
    with pytest.raises(ExportFailed, match="knows no operator of this module"):
        one.quantized()


def test_a_lesson_of_other_arguments_is_told() -> None:
    odd = Lesson((STREAM[0],), lambda outputs: outputs[0].sum())
    with pytest.raises(BadInput, match="a batch has 1 inputs, the model takes 2"):
        Learner(small(), STREAM, odd, Course(1, 1e-3, seed=0))


@pytest.fixture
def short_evaluation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keyword spotter with a few of its clips."""
    from orchestrator.make.models import reference

    path = tmp_path / "manifest.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in manifest_lines()))
    monkeypatch.setattr(reference, "manifest_path", lambda name: path)


@pytest.mark.usefixtures("short_evaluation")
def test_the_whole_way(tmp_path: Path) -> None:
    """Batches of our own keep speech synthesis out of it."""
    mine = tmp_path / "mine.py"
    mine.write_text(
        "import torch\n"
        "from orchestrator.make.models.reference.kws.model import KeywordSpotter\n"
        "from orchestrator.make.train.lessons import Lesson\n"
        "def lessons(seed):\n"
        "    frames = torch.randn(2, 24, 40, generator=torch.Generator().manual_seed(seed)) * 3 - 6\n"
        "    inputs = (frames, *KeywordSpotter().fresh_caches(2))\n"
        "    while True:\n"
        "        yield Lesson(inputs, lambda outputs: outputs[0].square().mean())\n"
    )
    arguments = ["models", "train", "kws", "--qat", "--epochs", "1", "--rate", "1e-6", "--json"]
    done = CliRunner().invoke(cli, [*arguments, "--lessons", f"{mine}:lessons", "--results", str(tmp_path / "results")])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    folder = tmp_path / "results" / "trained" / "kws-qat"
    assert (folder / "weights.safetensors").is_file()
    assert len(found["losses"]) == found["steps"] == 50
    rows = found["rows"]
    assert [(r["weights"], r["graph"]) for r in rows] == [
        ("trained", "executorch:fp32"),
        ("trained", "executorch:int8-static"),
        ("fine-tuned", "executorch:int8, as it was learned"),
        ("trained", "onnx:fp32"),
        ("trained", "onnx:int8-qdq(activation=s8,granularity=channel)"),
        ("fine-tuned", "onnx:fp32"),
        ("fine-tuned", "onnx:int8-qdq(activation=s8,granularity=channel)"),
    ]
    learned = rows[2]
    assert learned["path"] == str(folder / "model.pte")
    assert learned["size_bytes"] < 0.5 * rows[0]["size_bytes"]
    assert learned["snr_db"] > 10
    assert {r["metric"] for r in rows} == {"accuracy"}
