"""Log-mel of a batch in float32 torch, for training only: agents.features.LogMel to within TOLERANCE."""

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


def colour(frames: Tensor, generator: torch.Generator, widest: int = 6) -> Tensor:
    """Frames of every item through a microphone of its own: a tilt and a bow over the bands, and a few bands lost.

    Tilt and bow are normal with 1 and 0.7 (log power: 4.3 and 3 dB) at the ends of the range. Up to ``widest``
    neighbouring bands are set to the mean of the batch (SpecAugment, arXiv:1904.08779).
    """
    count, _, bands = frames.shape
    place = torch.linspace(-1.0, 1.0, bands)
    amounts = torch.randn(count, 2, generator=generator)
    response = amounts[:, :1] * place + 0.7 * amounts[:, 1:] * (place.square() - 1 / 3)
    width = torch.randint(0, widest + 1, (count, 1), generator=generator)
    start = torch.randint(0, bands - widest, (count, 1), generator=generator)
    band = torch.arange(bands)
    lost = ((band >= start) & (band < start + width)).unsqueeze(1)
    return torch.where(lost, frames.mean(dim=(0, 1)), frames + response.unsqueeze(1))
