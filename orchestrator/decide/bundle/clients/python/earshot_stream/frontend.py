"""What turns samples into the graph's input, one chunk at a time."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .touch import Touch


class Frontend(Protocol):
    def push(self, samples: NDArray[Any]) -> NDArray[Any]: ...

    def reset(self) -> None: ...


def make_frontend(spec: dict[str, Any], rate_hz: int) -> Frontend:
    if spec["kind"] == "log-mel":
        return LogMel(spec, rate_hz)
    kinds: dict[str, Callable[[dict[str, Any]], Frontend]] = {"pcm": Pcm, "touch": Touch, "tokens": Tokens}
    return kinds[spec["kind"]](spec)


class LogMel:
    """Frame t covers the window that ends at sample (t + 1) * hop, zeros before the start."""

    def __init__(self, spec: dict[str, Any], rate_hz: int) -> None:
        self.spec = spec
        self.reset()
        self.hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(len(self.heard)) / len(self.heard))
        low, high = (2595 * np.log10(1 + spec[end] / 700) for end in ("low_hz", "high_hz"))
        edges = 700 * (10 ** (np.linspace(low, high, spec["mel_count"] + 2) / 2595) - 1)
        bins = np.arange(spec["fft_size"] // 2 + 1)[:, None] * rate_hz / spec["fft_size"]
        rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
        falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
        self.filters = np.maximum(0, np.minimum(rising, falling))

    def reset(self) -> None:
        self.heard = np.zeros(self.spec["window_samples"])

    def push(self, samples: NDArray[Any]) -> NDArray[Any]:
        hop = self.spec["hop_samples"]
        frames = []
        for start in range(0, len(samples), hop):
            self.heard = np.concatenate([self.heard[hop:], samples[start : start + hop] / 32768])
            spectrum = np.fft.rfft(self.heard * self.hann, self.spec["fft_size"])
            mel = (spectrum.real**2 + spectrum.imag**2) @ self.filters
            frames.append(np.log(np.maximum(mel, self.spec["log_floor"])))
        return np.array(frames)


class Pcm:
    """Samples in [-1, 1], after the last ones of the chunk before."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.reset()

    def reset(self) -> None:
        self.context = np.zeros(self.spec["context_samples"])

    def push(self, samples: NDArray[Any]) -> NDArray[Any]:
        out = np.concatenate([self.context, samples / 32768])
        self.context = out[len(out) - len(self.context) :]
        return out


class Tokens:
    """Ids of tokens, each two samples: its low and its high 15 bits."""

    def __init__(self, spec: dict[str, Any]) -> None:
        pass

    def reset(self) -> None:
        pass

    def push(self, samples: NDArray[Any]) -> NDArray[Any]:
        return samples[0::2].astype(np.int64) + (samples[1::2].astype(np.int64) << 15)
