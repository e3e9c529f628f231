"""Our Qwen2 computes what transformers' does with the same weights, and forgets what left its window."""

from pathlib import Path

import pytest
import torch

from orchestrator.make.models.causal_lm.model import CausalLm, load
from orchestrator.make.models.causal_lm.source import contract
from orchestrator.make.models.causal_lm.text import tokens

# Of transformers' and torch's own imports.
pytestmark = pytest.mark.filterwarnings("ignore")
TOKENS = [int(i) for i in tokens(50, vocabulary=512)]


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[object, Path]:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(3)
    config = Qwen2Config(
        hidden_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=176,
        vocab_size=512,
        tie_word_embeddings=request.param,
    )
    model = Qwen2ForCausalLM(config).eval()
    for name, parameter in model.named_parameters():
        # Its biases and norms begin as zeros and ones, which would hide a wrong one.
        torch.nn.init.normal_(parameter, mean=float("norm" in name), std=0.2)
    folder = tmp_path_factory.mktemp("qwen2")
    model.save_pretrained(folder)
    return model, folder


def streamed(model: CausalLm, where: str, window: int, ids: list[int]) -> torch.Tensor:
    states = [torch.zeros(s.shape) for s in contract("lm", where, window).states]
    out = []
    with torch.no_grad():
        for token in ids:
            logits, *states = model(torch.tensor([[token]]), *states)
            out.append(logits[0, 0])
    return torch.stack(out)


def test_equals_transformers_over_fifty_tokens(checkpoint: tuple[object, Path]) -> None:
    theirs, folder = checkpoint
    with torch.no_grad():
        wanted = theirs(torch.tensor([TOKENS])).logits[0]
    found = streamed(load(str(folder), "64"), str(folder), 64, TOKENS)
    assert wanted.abs().max() > 1
    assert (found - wanted).abs().max() <= 1e-4 * max(1.0, float(wanted.abs().max()))


def test_what_left_the_window_is_forgotten(checkpoint: tuple[object, Path]) -> None:
    _, folder = checkpoint
    model = load(str(folder), "8")
    other = [(t + 1) % 512 for t in TOKENS[:10]] + TOKENS[10:]
    one, two = (streamed(model, str(folder), 8, ids)[-1] for ids in (TOKENS, other))
    # Three layers see three windows back.
    assert torch.equal(one, two)
    full = load(str(folder), "64")
    assert not torch.equal(streamed(full, str(folder), 64, TOKENS)[-1], streamed(full, str(folder), 64, other)[-1])


def test_random_weights_are_the_same_each_time() -> None:
    one, two = load("causal-lm", "16"), load("causal-lm", "16")
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))
