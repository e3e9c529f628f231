"""A small causal QuartzNet (arXiv:1910.10261) for strings of digits, whose left padding is explicit state. Needs torch.

Its 1-D convolutions are separated into one over time per channel and one over channels per frame. They are written as
2-D ones of width 1: that is what each runtime's fast kernels and quantizers know. Unlike the paper's they look only
back, there are two of them in a block, not five, and a block's input is added as it is.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from orchestrator.make.models.reference.digits_lstm.model import LABELS, MEL_COUNT

STRIDE = 2
CHANNELS = 128
STEM_FRAMES = 6
# In steps of 20 ms. Together the network looks 2.5 s back.
BLOCK_KERNELS = (9, 11, 13, 15, 17)
CONVOLUTIONS_IN_BLOCK = 2


class CausalConv(nn.Module):  # type: ignore[misc]
    """A convolution over time that gets the ``left`` frames before the chunk as state instead of padding them.

    ``forward(x, cache)`` takes (N, C, T, 1) and (N, C, left, 1); it returns T / stride steps and the new cache.
    """

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, (kernel, 1), stride=(stride, 1), groups=groups, bias=False)
        self.left = kernel - stride
        self.cache_shape = (1, channels_in, self.left, 1)

    def forward(self, x: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        heard = torch.cat([cache, x], dim=2)
        return self.conv(heard), heard[:, :, -self.left :]


class Separable(nn.Module):  # type: ignore[misc]
    """Depthwise over time, then pointwise over channels, then batch norm."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.depthwise = CausalConv(CHANNELS, CHANNELS, kernel, groups=CHANNELS)
        self.pointwise = nn.Conv2d(CHANNELS, CHANNELS, 1, bias=False)
        self.norm = nn.BatchNorm2d(CHANNELS)

    def forward(self, x: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        y, new = self.depthwise(x, cache)
        return self.norm(self.pointwise(y)), new


class Block(nn.Module):  # type: ignore[misc]
    """Separable convolutions with a ReLU after each; the block's input is added before the last ReLU."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(Separable(kernel) for _ in range(CONVOLUTIONS_IN_BLOCK))

    def forward(self, x: Tensor, caches: tuple[Tensor, ...]) -> tuple[Tensor, list[Tensor]]:
        y, kept = x, []
        for number, (convolution, cache) in enumerate(zip(self.convolutions, caches, strict=True)):
            y, new = convolution(functional.relu(y) if number else y, cache)
            kept.append(new)
        return functional.relu(y + x), kept


class QuartzNet(nn.Module):  # type: ignore[misc]
    """Frames (N, T, 40) and the caches of all convolutions -> logits (N, T / STRIDE, 11) and the new caches.

    T is a multiple of STRIDE.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(MEL_COUNT))
        self.register_buffer("scale", torch.ones(MEL_COUNT))
        self.stem = CausalConv(MEL_COUNT, CHANNELS, STEM_FRAMES, stride=STRIDE)
        self.norm_stem = nn.BatchNorm2d(CHANNELS)
        self.blocks = nn.ModuleList(Block(kernel) for kernel in BLOCK_KERNELS)
        self.head = nn.Conv2d(CHANNELS, len(LABELS), 1)

    def cache_shapes(self) -> list[tuple[int, ...]]:
        """Shape of every cache for one stream, in the order of ``forward``."""
        inside = [convolution.depthwise for block in self.blocks for convolution in block.convolutions]
        return [layer.cache_shape for layer in (self.stem, *inside)]

    def fresh_state(self, streams: int = 1) -> list[Tensor]:
        """Caches at the start of ``streams`` streams: zeros."""
        return [torch.zeros(streams, *shape[1:]) for shape in self.cache_shapes()]

    def forward(self, frames: Tensor, *caches: Tensor) -> tuple[Tensor, ...]:
        x = ((frames - self.mean) * self.scale).transpose(1, 2).unsqueeze(3)
        x, new = self.stem(x, caches[0])
        kept = [new]
        x = functional.relu(self.norm_stem(x))
        for number, block in enumerate(self.blocks):
            begin = 1 + number * CONVOLUTIONS_IN_BLOCK
            x, of_block = block(x, caches[begin : begin + CONVOLUTIONS_IN_BLOCK])
            kept += of_block
        return (self.head(x).squeeze(3).transpose(1, 2), *kept)
