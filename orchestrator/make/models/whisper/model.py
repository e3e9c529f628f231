"""The encoder of Whisper (arXiv:2212.04356) on plain tensors, from operators that every exporter takes. Needs torch."""

import math
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from orchestrator.make.models.checkpoint import fill, read_weights
from orchestrator.make.models.whisper.sizes import MOST_POSITIONS, SIZES, EncoderSize, size_of

SEED = 0
# Wavelengths of the positions, from 2 pi to this many times that (arXiv:1706.03762, section 3.5).
_LONGEST = 10_000.0


def sinusoids(positions: int, width: int) -> Tensor:
    """Sines, then cosines, shape (positions, width)."""
    step = math.log(_LONGEST) / (width // 2 - 1)
    angles = torch.arange(positions)[:, None] * torch.exp(-step * torch.arange(width // 2))[None]
    return torch.cat([torch.sin(angles), torch.cos(angles)], dim=1)


class Block(nn.Module):  # type: ignore[misc]
    """Attention over the whole window and a feed-forward layer, each behind a norm: (N, T, width) -> the same."""

    def __init__(self, size: EncoderSize) -> None:
        super().__init__()
        width = size.width
        self.heads, self.scale = size.heads, (width // size.heads) ** -0.5
        self.norm = nn.LayerNorm(width)
        self.query, self.value, self.out = (nn.Linear(width, width) for _ in range(3))
        self.key = nn.Linear(width, width, bias=False)
        self.inner_norm = nn.LayerNorm(width)
        self.widen, self.narrow = nn.Linear(width, size.inner), nn.Linear(size.inner, width)

    def forward(self, x: Tensor) -> Tensor:
        normed = self.norm(x)
        keys, values = self._by_head(self.key(normed)), self._by_head(self.value(normed))
        scores = self._by_head(self.query(normed) * self.scale) @ keys.transpose(2, 3)
        heard = torch.softmax(scores, dim=-1) @ values
        x = x + self.out(heard.transpose(1, 2).reshape(x.shape))
        return x + self.narrow(functional.gelu(self.widen(self.inner_norm(x))))

    def _by_head(self, x: Tensor) -> Tensor:
        """(N, T, width) -> (N, heads, T, width / heads)."""
        return x.reshape(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)


class WhisperEncoder(nn.Module):  # type: ignore[misc]
    """(1, mels, T) -> one output (1, T / 2, width), for up to 3000 frames."""

    def __init__(self, size: EncoderSize) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(size.mels, size.width, 3, padding=1)
        self.halving = nn.Conv1d(size.width, size.width, 3, stride=2, padding=1)
        self.register_buffer("positions", sinusoids(MOST_POSITIONS, size.width))
        self.blocks = nn.ModuleList(Block(size) for _ in range(size.layers))
        self.norm = nn.LayerNorm(size.width)

    def forward(self, mels: Tensor) -> tuple[Tensor]:
        x = functional.gelu(self.halving(functional.gelu(self.convolution(mels)))).transpose(1, 2)
        x = x + self.positions[: x.shape[1]]
        for block in self.blocks:
            x = block(x)
        return (self.norm(x),)


def load(where: str) -> WhisperEncoder:
    """With the weights of the checkpoint in a folder, or those that ``SEED`` gives one of ``SIZES``: it hears nothing
    then, and takes as long. Raises BadModel."""
    size = size_of(where)
    if where in SIZES:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            return WhisperEncoder(size)
    model = WhisperEncoder(size)
    weights = read_weights(Path(where))
    # WhisperForConditionalGeneration or WhisperModel alone.
    prefix = "model.encoder." if any(name.startswith("model.") for name in weights) else "encoder."
    fill(model, {ours: prefix + theirs for ours, theirs in _names(size).items()}, weights, where)
    return model


_BLOCK = {
    "norm": "self_attn_layer_norm",
    "query": "self_attn.q_proj",
    "key": "self_attn.k_proj",
    "value": "self_attn.v_proj",
    "out": "self_attn.out_proj",
    "inner_norm": "final_layer_norm",
    "widen": "fc1",
    "narrow": "fc2",
}


def _names(size: EncoderSize) -> dict[str, str]:
    """Our weight -> the checkpoint's, behind its prefix."""
    pairs = {"convolution": "conv1", "halving": "conv2", "norm": "layer_norm"}
    for i in range(size.layers):
        pairs |= {f"blocks.{i}.{ours}": f"layers.{i}.{theirs}" for ours, theirs in _BLOCK.items()}
    kinds = ("weight", "bias")
    names = {f"{ours}.{k}": f"{theirs}.{k}" for ours, theirs in pairs.items() for k in kinds}
    names = {ours: theirs for ours, theirs in names.items() if not theirs.endswith("k_proj.bias")}
    return {**names, "positions": "embed_positions.weight"}
