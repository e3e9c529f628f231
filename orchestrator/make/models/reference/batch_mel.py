"""Log-mel of a batch in float32 torch, for training only: agents.features.LogMel to within TOLERANCE."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from agents.contract import Frontend
from agents.features import LogMel, hann, mel_filters

# In natural-log units; 7e-5 is the most that was seen on a minute of the evaluation audio.
TOLERANCE = 1e-3


class BatchMel:
    """(N, samples) in [-1, 1] -> (N, samples // hop, mel_count)."""

    def __init__(self, frontend: Frontend, sample_rate_hz: int) -> None:
        self.frontend = frontend
        self.filters = torch.tensor(mel_filters(frontend, sample_rate_hz), dtype=torch.float32)
        self.hann = torch.tensor(hann(frontend.window_samples), dtype=torch.float32)

    def __call__(self, samples: Tensor) -> Tensor:
        front = self.frontend
        padded = functional.pad(samples, (front.window_samples - front.hop_samples, 0))
        windows = padded.unfold(1, front.window_samples, front.hop_samples) * self.hann
        spectrum = torch.fft.rfft(windows, n=front.fft_size)
        power = spectrum.real.square() + spectrum.imag.square()
        return torch.clamp(power @ self.filters, min=front.log_floor).log()


def matching_mel(frontend: Frontend, sample_rate_hz: int, samples: Tensor) -> BatchMel:
    """BatchMel, held against the streaming features on ``samples`` (N, samples). Raises ValueError if they differ."""
    batch, streaming = BatchMel(frontend, sample_rate_hz), LogMel(frontend, sample_rate_hz)
    for row, frames in zip(samples, batch(samples), strict=True):
        worst = float(abs(streaming.extract(row.numpy()) - frames.numpy()).max())
        if not worst < TOLERANCE:
            raise ValueError(f"training features differ from agents.features by {worst}, allowed is {TOLERANCE}")
    return batch


def normalization(frames: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and 1 / standard deviation of each band over (N, T, bands)."""
    flat = frames.reshape(-1, frames.shape[-1])
    return flat.mean(dim=0), 1.0 / flat.std(dim=0)


# Standard deviations by order of a cosine (or sine) series over the bands.
GAIN_STD = (1.4, 0.9, 0.7, 0.5)
WARP_STD_BANDS = (1.0, 0.7, 0.5)


def colour(frames: Tensor, generator: torch.Generator, widest: int = 6) -> Tensor:
    """Frames (N, T, bands) of every item with a voice, a microphone and a loss of its own.

    The voice: bands shift against each other by a smooth random warp, as formants do between speakers. The microphone:
    a smooth random gain, added to log power. The loss: up to ``widest`` neighbouring bands become the mean of the batch
    (SpecAugment, arXiv:1904.08779).
    """
    count, _, bands = frames.shape
    middle = frames.mean(dim=(0, 1))
    gain = _series(torch.cos, GAIN_STD, count, bands, generator)
    heard = frames @ _warp(count, bands, generator) + gain.unsqueeze(1)
    width = torch.randint(0, widest + 1, (count, 1), generator=generator)
    start = torch.randint(0, bands - widest, (count, 1), generator=generator)
    band = torch.arange(bands)
    lost = ((band >= start) & (band < start + width)).unsqueeze(1)
    return torch.where(lost, middle, heard)


def _series(
    wave: Callable[[Tensor], Tensor], deviations: tuple[float, ...], count: int, bands: int, generator: torch.Generator
) -> Tensor:
    order = torch.arange(1, len(deviations) + 1).unsqueeze(1)
    waves = wave(torch.pi * order * (torch.arange(bands) + 0.5) / bands)
    return (torch.randn(count, len(deviations), generator=generator) * torch.tensor(deviations)) @ waves


def _warp(count: int, bands: int, generator: torch.Generator) -> Tensor:
    """Matrices (count, bands, bands) that read each band, by linear interpolation, a little above or below itself."""
    place = torch.arange(bands) + _series(torch.sin, WARP_STD_BANDS, count, bands, generator)
    place = place.clamp(0, bands - 1)
    return (1.0 - (torch.arange(bands)[:, None] - place.unsqueeze(1)).abs()).clamp(min=0.0)
