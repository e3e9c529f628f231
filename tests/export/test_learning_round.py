"""A model that int8 ruins and that no recipe mends: its weights learn to be rounded, in a round of `earshot tune`.

One channel is 115 times as large as the others, for which int8 has two or three steps left (tests/outlier.py).
"""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from orchestrator.decide.rounds.seed import LEARN
from orchestrator.decide.selection.objective import Objective
from orchestrator.domain.recipe import Recipe
from orchestrator.make.train.tuned import WEIGHTS
from orchestrator.workflows import rounds
from orchestrator.workflows.prepare import prepare_model
from orchestrator.workflows.progress import Silent
from orchestrator.workflows.settings import TuneSettings
from orchestrator.workflows.tune import TuneOutcome, tune
from tests import outlier
from tests.orchestrator.workflows.mini import however_busy

pytestmark = pytest.mark.filterwarnings("ignore")  # Of torch's and torchao's own.
RUINED = Recipe.parse("onnx:int8-qdq(activation=s8,granularity=channel)")
SHAPE = outlier.Shape(width=48, hidden=4, spoiled=0, factor=115.0)
STEPS = 300

TOML = """
name = "tones"
module = "tones.py:build"
lessons = "tones.py:lessons"
files = ["weights.safetensors"]
manifest = "manifest.jsonl"

[contract]
sample_rate_hz = 16000
chunk_samples = 1280
allowed_chunk_samples = [1280]

[contract.frontend]
kind = "log-mel"
mel_count = 16

[contract.input]
name = "frames"
shape = [1, 8, 16]

[[contract.states]]
input = "past_in"
output = "past_out"
shape = [1, 2, 16]

[[contract.outputs]]
name = "logits"
shape = [1, 8, 6]

[contract.decoder]
kind = "keyword"
labels = LABELS
smooth_frames = 8
threshold = 0.5
refractory_frames = 50
"""

MODULE = '''
"""The tones of tests/outlier.py as a PyTorch module, and what it learns from."""

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from orchestrator.make.train.lessons import Lesson
from tests import outlier

PAST = outlier.PAST


class Tones(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])])

    def forward(self, frames, past):
        heard = torch.cat([past, frames], dim=1)
        count = frames.shape[1]
        x = torch.cat([heard[:, i : i + count] for i in range(PAST + 1)], dim=2) * 0.1
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        return self.layers[-1](x), heard[:, -PAST:]


def build():
    state = load_file(Path(__file__).parent / "weights.safetensors")
    sizes = [state["layers.0.weight"].shape[1]]
    sizes += [state[f"layers.{i}.weight"].shape[0] for i in range(len(state) // 2)]
    module = Tones(sizes)
    module.load_state_dict(state)
    return module


def lessons(seed):
    rng = np.random.default_rng(seed)
    mel = outlier.LogMel(outlier.FRONTEND, outlier.RATE_HZ)
    while True:
        labels = rng.integers(len(outlier.LABELS), size=12)
        sung = [outlier.frames_of(outlier.tone(int(label), rng)) for label in labels]
        frames = torch.from_numpy(np.stack(sung))
        past = torch.zeros(len(labels), PAST, outlier.MELS)
        wanted = torch.from_numpy(labels)[:, None].expand(-1, frames.shape[1])

        def loss(outputs, wanted=wanted):
            return nn.functional.cross_entropy(outputs[0].transpose(1, 2), wanted)

        yield Lesson((frames, past), loss)
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model.toml, its module with training batches, its weights and its evaluation set."""
    made = tmp_path_factory.mktemp("tones")
    outlier.make(made, SHAPE, clips=20)
    (made / "model.onnx").unlink()
    (made / "contract.json").unlink()
    (made / "tones.py").write_text(MODULE)
    layers = outlier.weights(SHAPE)
    state = {f"layers.{i}.weight": np.ascontiguousarray(w.T) for i, (w, _) in enumerate(layers)}
    save_file({**state, **{f"layers.{i}.bias": b for i, (_, b) in enumerate(layers)}}, made / "weights.safetensors")
    (made / "model.toml").write_text(TOML.replace("LABELS", json.dumps(outlier.LABELS)))
    return made


def tuned(folder: Path, results: Path, monkeypatch: pytest.MonkeyPatch) -> TuneOutcome:
    # That the other ideas mend nothing is what is asked here; they do mend this one.
    monkeypatch.setattr(rounds, "ideas_for", lambda *_: ())
    however_busy(monkeypatch)
    monkeypatch.setenv("HOME", str(results.parent))
    settings = TuneSettings(
        str(folder),
        results=results,
        recipes=(RUINED,),
        threads=(1,),
        objective=Objective("size"),
        budget_s=60.0,
        paced_s=1.0,
        flat_out_s=2.0,
        allow_suspect=True,
        qat_steps=STEPS,
    )
    return tune(settings, Silent())


def test_weights_that_learned_to_be_rounded_win(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = tuned(folder, tmp_path / "results", monkeypatch)
    assert outcome.rounds is not None
    learned = [one for one in outcome.rounds.rounds if one.aim == LEARN]
    assert [one.seed for one in learned] == [str(RUINED)]
    winner = outcome.decision.of(str(outcome.decision.winner))
    known = prepare_model(str(folder), tmp_path / "results" / "models").source.tuned
    assert winner.candidate.recipe.get(WEIGHTS, "") in known
    assert winner.metrics["quality_loss"].high is not None
    assert winner.metrics["quality_loss"].high <= 0.01
    assert outcome.decision.verification is not None
    assert outcome.decision.verification.passed
    # With the model's own weights int8 is no artifact at all: it does not come near enough to its source.
    assert all(each.candidate.recipe != RUINED for each in outcome.decision.candidates)
