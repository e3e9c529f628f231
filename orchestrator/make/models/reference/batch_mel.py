"""Log-mel of a batch in float32 torch, for training only. Equals agents.features.LogMel to 1e-3 (log units)."""

import torch
from torch import Tensor
from torch.nn import functional

from agents.contract import Frontend
from agents.features import hann, mel_filters


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


def normalization(frames: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and 1 / standard deviation of each band over (N, T, bands)."""
    flat = frames.reshape(-1, frames.shape[-1])
    return flat.mean(dim=0), 1.0 / flat.std(dim=0)


def mask_bands(frames: Tensor, generator: torch.Generator, widest: int = 6) -> Tensor:
    """Frames with up to ``widest`` neighbouring bands of an item set to their mean (SpecAugment, arXiv:1904.08779)."""
    count, _, bands = frames.shape
    width = torch.randint(0, widest + 1, (count, 1), generator=generator)
    start = torch.randint(0, bands - widest, (count, 1), generator=generator)
    band = torch.arange(bands)
    hidden = ((band >= start) & (band < start + width)).unsqueeze(1)
    return torch.where(hidden, frames.mean(dim=(0, 1)), frames)
