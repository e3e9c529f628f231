"""A Qwen2 model (arXiv:2407.10671), one token a call, from operators that every exporter takes. Needs torch.

The cache holds the last ``window`` keys and values of each layer, newest last, and slides: what is older is forgotten,
so a stream may go on for ever. Keys lie there before their rotation and are rotated by their place in the window:
rotary positions (arXiv:2104.09864) count by differences alone, and no position grows without end.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from orchestrator.make.models.causal_lm.sizes import SIZES, LmSize, size_of
from orchestrator.make.models.checkpoint import fill, read_weights

SEED = 0
# Of random weights, as Qwen2's own training begins.
_SPREAD = 0.02
# Added to the scores of places that hold nothing yet: far below any score, and finite in float16.
_HIDDEN = 1e4


class RmsNorm(nn.Module):  # type: ignore[misc]
    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * (x * torch.rsqrt((x * x).mean(-1, keepdim=True) + self.epsilon))


def rotated(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """``x`` (..., T, head width) turned by the angles of T places, in pairs (i, i + half)."""
    first, second = x.chunk(2, dim=-1)
    return x * cosine + torch.cat([-second, first], dim=-1) * sine


class Attention(nn.Module):  # type: ignore[misc]
    """(1, width) and the caches of this layer, (shared, window, head width) each -> (1, width), the new caches."""

    def __init__(self, size: LmSize) -> None:
        super().__init__()
        self.shared, self.head_width = size.shared, size.head_width
        narrow = size.shared * size.head_width
        self.query = nn.Linear(size.width, size.width)
        self.key, self.value = nn.Linear(size.width, narrow), nn.Linear(size.width, narrow)
        self.out = nn.Linear(size.width, size.width, bias=False)

    def forward(
        self, x: Tensor, keys: Tensor, values: Tensor, turns: tuple[Tensor, Tensor], hidden: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        keys = torch.cat([keys[:, 1:], self.key(x).reshape(self.shared, 1, -1)], dim=1)
        values = torch.cat([values[:, 1:], self.value(x).reshape(self.shared, 1, -1)], dim=1)
        cosine, sine = turns
        # The newest place is the query's own. Heads that share keys lie side by side.
        queries = rotated(self.query(x).reshape(self.shared, -1, self.head_width), cosine[-1:], sine[-1:])
        scores = queries @ rotated(keys, cosine, sine).transpose(1, 2) * self.head_width**-0.5
        heard = torch.softmax(scores + hidden, dim=-1) @ values
        return self.out(heard.reshape(1, -1)), keys, values


class Layer(nn.Module):  # type: ignore[misc]
    def __init__(self, size: LmSize) -> None:
        super().__init__()
        self.norm = RmsNorm(size.width, size.epsilon)
        self.attention = Attention(size)
        self.inner_norm = RmsNorm(size.width, size.epsilon)
        self.gate, self.widen = (nn.Linear(size.width, size.inner, bias=False) for _ in range(2))
        self.narrow = nn.Linear(size.inner, size.width, bias=False)

    def forward(
        self, x: Tensor, keys: Tensor, values: Tensor, turns: tuple[Tensor, Tensor], hidden: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        heard, keys, values = self.attention(self.norm(x), keys, values, turns, hidden)
        x = x + heard
        normed = self.inner_norm(x)
        return x + self.narrow(functional.silu(self.gate(normed)) * self.widen(normed)), keys, values


class CausalLm(nn.Module):  # type: ignore[misc]
    """Token (1, 1) int64, keys and values (layers, shared, window, head width), how many of them are filled (1,) ->
    logits (1, 1, vocabulary) of the next token, the new keys, values and fill."""

    def __init__(self, size: LmSize, window: int) -> None:
        super().__init__()
        self.window = window
        self.embedding = nn.Embedding(size.vocabulary, size.width)
        self.layers = nn.ModuleList(Layer(size) for _ in range(size.layers))
        self.norm = RmsNorm(size.width, size.epsilon)
        self.head = None if size.tied else nn.Linear(size.width, size.vocabulary, bias=False)
        frequencies = size.theta ** (-torch.arange(0, size.head_width, 2) / size.head_width)
        angles = torch.arange(window)[:, None] * torch.cat([frequencies, frequencies])[None]
        self.register_buffer("cosine", torch.cos(angles))
        self.register_buffer("sine", torch.sin(angles))
        self.register_buffer("places", torch.arange(window, dtype=torch.float32))

    def forward(self, token: Tensor, keys: Tensor, values: Tensor, filled: Tensor) -> tuple[Tensor, ...]:
        filled = torch.clamp(filled + 1.0, max=float(self.window))
        # 0 where a place is filled, else far below.
        hidden = torch.clamp(self.places - (self.window - filled), min=-1.0, max=0.0) * _HIDDEN
        turns = self.cosine, self.sine
        x = self.embedding(token).reshape(1, -1)
        new_keys, new_values = [], []
        for i, layer in enumerate(self.layers):
            x, own_keys, own_values = layer(x, keys[i], values[i], turns, hidden)
            new_keys.append(own_keys)
            new_values.append(own_values)
        weight = self.embedding.weight if self.head is None else self.head.weight
        logits = functional.linear(self.norm(x), weight).unsqueeze(0)
        return logits, torch.stack(new_keys), torch.stack(new_values), filled


def load(where: str, window: str) -> CausalLm:
    """With the weights of the checkpoint in a folder, or those that ``SEED`` gives a size of ``SIZES``: what it says
    means nothing then, and it takes as long. Raises BadModel."""
    size = size_of(where)
    if where not in SIZES:
        model = CausalLm(size, int(window))
        fill(model, _names(size), read_weights(Path(where)), where)
        return model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = CausalLm(size, int(window))
        for name, parameter in model.named_parameters():
            if "norm" not in name:
                nn.init.normal_(parameter, std=_SPREAD)
    return model


_LAYER = {
    "norm": "input_layernorm",
    "inner_norm": "post_attention_layernorm",
    "attention.out": "self_attn.o_proj",
    "gate": "mlp.gate_proj",
    "widen": "mlp.up_proj",
    "narrow": "mlp.down_proj",
}
_WITH_BIAS = {
    "attention.query": "self_attn.q_proj",
    "attention.key": "self_attn.k_proj",
    "attention.value": "self_attn.v_proj",
}


def _names(size: LmSize) -> dict[str, str]:
    """Our weight -> the checkpoint's."""
    names = {"embedding.weight": "model.embed_tokens.weight", "norm.weight": "model.norm.weight"}
    if not size.tied:
        names["head.weight"] = "lm_head.weight"
    for i in range(size.layers):
        for ours, theirs in {**_LAYER, **_WITH_BIAS}.items():
            names[f"layers.{i}.{ours}.weight"] = f"model.layers.{i}.{theirs}.weight"
        for ours, theirs in _WITH_BIAS.items():
            names[f"layers.{i}.{ours}.bias"] = f"model.layers.{i}.{theirs}.bias"
    return names
