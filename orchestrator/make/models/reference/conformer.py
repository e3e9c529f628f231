"""A streaming Conformer whose whole memory is explicit state, from operators that every exporter takes. Needs torch.

After the Conformer (arXiv:2005.08100): macaron feed-forward halves around self-attention and a depthwise convolution.
Everything is causal: frame t sees frames up to t only. So outputs do not depend on how a stream is cut into chunks, and
the whole sequence in one call, with fresh states, gives what the chunks give.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

# Added to the scores of keys that a query must not see: far below any score, and still finite in float16.
HIDDEN_SCORE = -1e4


class FeedForward(nn.Module):  # type: ignore[misc]
    """(N, T, d) -> (N, T, d)."""

    def __init__(self, d: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(d)
        self.widen = nn.Linear(d, inner)
        self.narrow = nn.Linear(inner, d)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.dropout(functional.silu(self.widen(self.norm(x))))
        return self.dropout(self.narrow(hidden))


class CausalAttention(nn.Module):  # type: ignore[misc]
    """(N, T, d), cache (N, left, 2 d) of keys and values -> (N, T, d), the new cache."""

    def __init__(self, d: int, heads: int, left: int, dropout: float) -> None:
        super().__init__()
        self.d, self.heads, self.left = d, heads, left
        self.norm = nn.LayerNorm(d)
        self.query = nn.Linear(d, d)
        self.key_value = nn.Linear(d, 2 * d)
        self.out = nn.Linear(d, d)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, cache: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """``bias`` (heads, T, left + T) is added to the scores: see DistanceBias."""
        normed = self.norm(x)
        seen = torch.cat([cache, self.key_value(normed)], dim=1)
        keys, values = (self._by_head(part) for part in seen.split(self.d, dim=2))
        scores = self._by_head(self.query(normed)) @ keys.transpose(2, 3) * (self.d // self.heads) ** -0.5
        heard = torch.softmax(scores + bias, dim=-1) @ values
        merged = heard.transpose(1, 2).reshape(x.shape[0], -1, self.d)
        return self.dropout(self.out(merged)), seen[:, -self.left :]

    def _by_head(self, x: Tensor) -> Tensor:
        """(N, T, d) -> (N, heads, T, d / heads)."""
        return x.reshape(x.shape[0], -1, self.heads, self.d // self.heads).transpose(1, 2)


class CausalConvolution(nn.Module):  # type: ignore[misc]
    """(N, T, d), cache (N, kernel - 1, d) of past frames -> (N, T, d), the new cache."""

    def __init__(self, d: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.past = kernel - 1
        self.norm = nn.LayerNorm(d)
        self.gate = nn.Linear(d, 2 * d)
        self.depthwise = nn.Conv1d(d, d, kernel, groups=d)
        self.inner_norm = nn.LayerNorm(d)
        self.out = nn.Linear(d, d)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        value, gate = self.gate(self.norm(x)).chunk(2, dim=2)
        seen = torch.cat([cache, value * torch.sigmoid(gate)], dim=1)
        mixed = self.depthwise(seen.transpose(1, 2)).transpose(1, 2)
        return self.dropout(self.out(functional.silu(self.inner_norm(mixed)))), seen[:, -self.past :]


class Block(nn.Module):  # type: ignore[misc]
    """Half a feed-forward, attention, convolution, the other half."""

    def __init__(self, d: int, inner: int, heads: int, left: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.before = FeedForward(d, inner, dropout)
        self.attention = CausalAttention(d, heads, left, dropout)
        self.convolution = CausalConvolution(d, kernel, dropout)
        self.after = FeedForward(d, inner, dropout)
        self.norm = nn.LayerNorm(d)

    def forward(self, x: Tensor, bias: Tensor, heard: Tensor, past: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``heard`` is the cache of the attention, ``past`` that of the convolution."""
        x = x + 0.5 * self.before(x)
        attended, heard = self.attention(x, heard, bias)
        x = x + attended
        mixed, past = self.convolution(x, past)
        x = x + mixed
        return self.norm(x + 0.5 * self.after(x)), heard, past


class DistanceBias(nn.Module):  # type: ignore[misc]
    """What a score gains by the distance between query and key, one number for each head and distance 0..left.

    Keys that come later than the query, or more than ``left`` before it, are hidden. Positions are distances only, so
    nothing changes along a stream however long it is.
    """

    def __init__(self, heads: int, left: int) -> None:
        super().__init__()
        self.left = left
        self.by_age = nn.Parameter(torch.zeros(heads, left + 1))

    def forward(self, frames: Tensor) -> Tensor:
        """Bias (heads, T, left + T) for the T frames of (N, T, d)."""
        # by_age counts from the oldest key on. Row i of the result is row 0 moved right by i: the same row of
        # left + 1 + T numbers, again and again, read in rows that are one number shorter.
        count = frames.shape[1]
        heads = self.by_age.shape[0]
        hidden = torch.full_like(frames[0, :, :1], HIDDEN_SCORE).reshape(1, count).expand(heads, count)
        row = torch.cat([self.by_age, hidden], dim=1).unsqueeze(1)
        again = row.expand(heads, count, self.left + 1 + count).reshape(heads, -1)
        return again[:, : count * (self.left + count)].reshape(heads, count, self.left + count)


class StreamingConformer(nn.Module):  # type: ignore[misc]
    """Frames (N, T, features) and states -> (N, T / stack, outputs) and new states. T is a multiple of ``stack``.

    The first layers turn ``stack`` frames, and the ``stack`` before them, into one. ``left`` is how many of those an
    attention looks back. A state that is not filled yet holds zeros: keys of score 0 and value 0, as in training, so
    the start of a stream needs no mask.
    """

    def __init__(
        self,
        features: int,
        outputs: int,
        stack: int = 4,
        d: int = 128,
        inner: int = 512,
        layers: int = 4,
        heads: int = 4,
        kernel: int = 9,
        left: int = 32,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.features, self.stack, self.d, self.kernel, self.left = features, stack, d, kernel, left
        self.first = nn.Linear(2 * stack * features, 2 * d)
        self.second = nn.Linear(2 * d, d)
        self.bias = DistanceBias(heads, left)
        self.blocks = nn.ModuleList(Block(d, inner, heads, left, kernel, dropout) for _ in range(layers))
        self.out = nn.Linear(d, outputs)

    def state_shapes(self, streams: int = 1) -> list[tuple[int, ...]]:
        """Past frames, then for each block the cache of its attention and of its convolution; axis 0 is the stream."""
        of_block = [(streams, self.left, 2 * self.d), (streams, self.kernel - 1, self.d)]
        return [(streams, self.stack, self.features), *(of_block * len(self.blocks))]

    def fresh_state(self, streams: int = 1) -> list[Tensor]:
        """States at the start of ``streams`` streams: zeros."""
        return [torch.zeros(shape) for shape in self.state_shapes(streams)]

    def forward(self, frames: Tensor, past: Tensor, *caches: Tensor) -> tuple[Tensor, ...]:
        seen = torch.cat([past, frames], dim=1)
        wide = self.stack * self.features
        older, newer = (part.reshape(part.shape[0], -1, wide) for part in (seen[:, : -self.stack], frames))
        x = self.second(functional.silu(self.first(torch.cat([older, newer], dim=2))))
        bias = self.bias(x)
        new = [seen[:, -self.stack :]]
        for block, heard, before in zip(self.blocks, caches[::2], caches[1::2], strict=True):
            x, *kept = block(x, bias, heard, before)
            new += kept
        return self.out(x), *new
