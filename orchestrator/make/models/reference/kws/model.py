"""The keyword spotter: a causal depthwise-separable CNN whose left padding is explicit state. Needs torch."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from orchestrator.make.models.reference.kws.words import LABELS

MEL_COUNT = 40
STEM_CHANNELS = 64
STEM_FRAMES = 5
# (channels out, stride over frequency, frames in the kernel) of the blocks that see time x frequency. A kernel of one
# frame needs no state; each state costs a Concat and a Slice per chunk, so time is mostly left to the later blocks.
PLANE_BLOCKS = ((224, 2, 1), (224, 1, 1), (224, 1, 1))
TIME_KERNEL = 9
TIME_DILATIONS = (1, 2, 4)


class Causal(nn.Module):  # type: ignore[misc]
    """A convolution over time that gets the ``left`` frames before the chunk as state instead of padding them.

    ``forward(x, caches)`` takes (N, C, T, F) and the states not yet used; it consumes the first one, if it needs any,
    and returns the output for T frames and the new state in a list of one or none.
    """

    def __init__(self, conv: nn.Conv2d, left: int, bands: int) -> None:
        super().__init__()
        self.conv = conv
        self.left = left
        self.cache_shapes = [(1, conv.in_channels, left, bands)] if left else []

    def forward(self, x: Tensor, caches: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        if not self.left:
            return self.conv(x), []
        heard = torch.cat([caches.pop(0), x], dim=2)
        y = self._interleaved(heard) if self.training else self.conv(heard)
        return y, [heard[:, :, -self.left :]]

    def _interleaved(self, heard: Tensor) -> Tensor:
        """The same convolution with every d-th frame side by side instead of a dilation d over time.

        The gradient of a dilated depthwise convolution takes 50 times as long on a CPU. Needs T to be a multiple of d.
        """
        dilation = self.conv.dilation[0]
        if dilation == 1:
            return self.conv(heard)
        count, channels, frames, bands = heard.shape
        side_by_side = heard.reshape(count, channels, frames // dilation, dilation * bands)
        y = functional.conv2d(side_by_side, self.conv.weight, groups=self.conv.groups)
        return y.reshape(count, channels, -1, bands)


class Block(nn.Module):  # type: ignore[misc]
    """Depthwise over time (and frequency), then pointwise; each followed by batch norm and ReLU."""

    def __init__(self, depthwise: Causal, channels_in: int, channels_out: int, residual: bool) -> None:
        super().__init__()
        self.depthwise = depthwise
        self.norm_depthwise = nn.BatchNorm2d(channels_in)
        self.pointwise = nn.Conv2d(channels_in, channels_out, 1, bias=False)
        self.norm_pointwise = nn.BatchNorm2d(channels_out)
        self.residual = residual

    def forward(self, x: Tensor, caches: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        y, new = self.depthwise(x, caches)
        y = self.norm_pointwise(self.pointwise(functional.relu(self.norm_depthwise(y))))
        return functional.relu(y + x if self.residual else y), new


def _plane_block(channels_in: int, channels_out: int, stride: int, frames: int, bands: int) -> Block:
    conv = nn.Conv2d(
        channels_in, channels_in, (frames, 3), stride=(1, stride), padding=(0, 1), groups=channels_in, bias=False
    )
    left = frames - 1
    causal = Causal(conv, left, bands)
    return Block(causal, channels_in, channels_out, residual=channels_in == channels_out and stride == 1)


def _time_block(channels: int, dilation: int) -> Block:
    conv = nn.Conv2d(channels, channels, (TIME_KERNEL, 1), dilation=(dilation, 1), groups=channels, bias=False)
    left = (TIME_KERNEL - 1) * dilation
    return Block(Causal(conv, left, 1), channels, channels, residual=True)


class KeywordSpotter(nn.Module):  # type: ignore[misc]
    """Frames (N, T, 40) and the caches of all convolutions -> logits (N, T, 12) and the new caches."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(MEL_COUNT))
        self.register_buffer("scale", torch.ones(MEL_COUNT))
        stem = nn.Conv2d(1, STEM_CHANNELS, (STEM_FRAMES, 5), stride=(1, 2), padding=(0, 2), bias=False)
        self.stem = Causal(stem, STEM_FRAMES - 1, MEL_COUNT)
        self.norm_stem = nn.BatchNorm2d(STEM_CHANNELS)
        blocks, channels, bands = [], STEM_CHANNELS, MEL_COUNT // 2
        for channels_out, stride, kernel_frames in PLANE_BLOCKS:
            blocks.append(_plane_block(channels, channels_out, stride, kernel_frames, bands))
            channels, bands = channels_out, bands // stride
        self.plane = nn.ModuleList(blocks)
        self.fold = nn.Conv2d(channels, channels, (1, bands), groups=channels, bias=False)
        self.norm_fold = nn.BatchNorm2d(channels)
        self.time = nn.ModuleList(_time_block(channels, d) for d in TIME_DILATIONS)
        self.head = nn.Conv2d(channels, len(LABELS), 1)

    def cache_shapes(self) -> list[tuple[int, ...]]:
        """Shape of every cache for one stream, in the order of ``forward``."""
        layers = [self.stem, *(block.depthwise for block in (*self.plane, *self.time))]
        return [shape for layer in layers for shape in layer.cache_shapes]

    def fresh_caches(self, streams: int = 1) -> list[Tensor]:
        """Caches at the start of ``streams`` streams: zeros."""
        return [torch.zeros(streams, *shape[1:]) for shape in self.cache_shapes()]

    def forward(self, frames: Tensor, *caches: Tensor) -> tuple[Tensor, ...]:
        x = ((frames - self.mean) * self.scale).unsqueeze(1)
        unused = list(caches)
        x, new = self.stem(x, unused)
        x = functional.relu(self.norm_stem(x))
        for block in self.plane:
            x, kept = block(x, unused)
            new += kept
        x = functional.relu(self.norm_fold(self.fold(x)))
        for block in self.time:
            x, kept = block(x, unused)
            new += kept
        return (self.head(x).squeeze(3).transpose(1, 2), *new)
