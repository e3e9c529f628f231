"""A checkpoint whose weights do not fit its config is told by the weight's name."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from orchestrator.errors import BadModel
from orchestrator.make.models.builders import Checkpoint, of_checkpoint
from orchestrator.make.models.causal_lm.model import CausalLm, _names
from orchestrator.make.models.causal_lm.sizes import size_of
from orchestrator.make.models.module import ModuleRef
from tests.orchestrator.make.models.test_builders import QWEN2

QUERY = "model.layers.1.self_attn.q_proj.bias"


def module_of(folder: Path, change: dict[str, torch.Tensor | None]) -> ModuleRef:
    """Of a checkpoint with these weights changed or, None, left out."""
    (folder / "config.json").write_text(json.dumps(QWEN2))
    size = size_of(str(folder))
    own = CausalLm(size, 8).state_dict()
    weights = {theirs: own[ours] for ours, theirs in _names(size).items()}
    kept = {name: value.contiguous() for name, value in {**weights, **change}.items() if value is not None}
    save_file(kept, folder / "model.safetensors")
    module = of_checkpoint("lm", Checkpoint(str(folder))).module
    assert module is not None
    return module


def test_a_whole_checkpoint_loads(tmp_path: Path) -> None:
    half = {QUERY: torch.ones(64, dtype=torch.float16)}
    loaded = module_of(tmp_path, half).load()
    assert loaded.layers[1].attention.query.bias.dtype == torch.float32
    assert not loaded.training


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({QUERY: None}, f"lacks 1 weights, such as {QUERY}"),
        ({QUERY: torch.ones(63)}, rf"{QUERY} of .* has the shape \(63,\), not \(64,\)"),
    ],
)
def test_weights_that_do_not_fit(change: dict[str, torch.Tensor | None], message: str, tmp_path: Path) -> None:
    with pytest.raises(BadModel, match=message):
        module_of(tmp_path, change).load()


def test_weights_that_are_cut_short(tmp_path: Path) -> None:
    module = module_of(tmp_path, {})
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(BadModel, match=r"cannot read .*safetensors"):
        module.load()
