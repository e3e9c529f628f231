"""Front ends: samples in, graph input out, one chunk at a time. The same code trains, evaluates and runs on devices."""

from typing import Any, Dict, Protocol, Tuple

import numpy as np
from numpy.typing import NDArray

from agents.contract import Frontend, StreamContract
from agents.tokens import Tokens
from agents.touch import Touch
from agents.whisper_mel import WhisperMel

INT16_SCALE = 1.0 / 32768.0


class FrontEnd(Protocol):
    """Carries samples from chunk to chunk. One object serves one stream at a time."""

    def push_into(self, samples: NDArray[Any], out: NDArray[np.float32]) -> int:
        """Take the next samples (int16, or float32 in [-1, 1]) and fill ``out``, which has the graph's input shape.

        Returns how many frames (log-mel) or samples (pcm) were written. Raises ValueError on another dtype or shape.
        """
        ...

    def reset(self) -> None:
        """Start a new stream: what was carried becomes zeros."""
        ...


def hz_to_mel(hz: Any) -> Any:
    """HTK mel: 2595 log10(1 + f / 700)."""
    return 2595.0 * np.log10(1.0 + np.asarray(hz, dtype=np.float64) / 700.0)


def mel_filters(frontend: Frontend, sample_rate_hz: int) -> NDArray[np.float64]:
    """Triangles on the HTK mel scale with peak 1 (no area normalization), shape (fft_size // 2 + 1, mel_count)."""
    edges_mel = np.linspace(hz_to_mel(frontend.low_hz), hz_to_mel(frontend.high_hz), frontend.mel_count + 2)
    edges_hz = 700.0 * (10.0 ** (edges_mel / 2595.0) - 1.0)
    bins_hz = np.arange(frontend.fft_size // 2 + 1, dtype=np.float64)[:, None] * sample_rate_hz / frontend.fft_size
    low, mid, high = edges_hz[:-2], edges_hz[1:-1], edges_hz[2:]
    rising, falling = (bins_hz - low) / (mid - low), (high - bins_hz) / (high - mid)
    return np.ascontiguousarray(np.maximum(0.0, np.minimum(rising, falling)))


def hann(length: int) -> NDArray[np.float64]:
    """Periodic Hann window."""
    return np.asarray(0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(length) / length), dtype=np.float64)


class LogMel:
    """Log-mel frames, float32, shape (frames, mel_count): log(max(power of the mel band, log_floor)), natural log.

    Frame t covers samples [(t + 1) * hop - window, (t + 1) * hop), zeros before the start, so k * hop samples give
    exactly k frames. Each frame is computed alone, in float64 and with the same array shapes: the result does not
    depend on the chunking, bit for bit (a matrix product over several frames would sum in another order).
    """

    def __init__(self, frontend: Frontend, sample_rate_hz: int) -> None:
        if frontend.kind != "log-mel":
            raise ValueError(f"LogMel needs a log-mel frontend, got {frontend.kind!r}")
        if not 0 < frontend.high_hz <= sample_rate_hz / 2:
            raise ValueError(f"high_hz must be <= {sample_rate_hz / 2} (half the rate), got {frontend.high_hz}")
        bins = frontend.fft_size // 2 + 1
        self.frontend = frontend
        self._hop = frontend.hop_samples
        self._kept = frontend.window_samples - frontend.hop_samples
        self._floor = np.float64(frontend.log_floor)
        # Samples are kept in units of int16: scaling by a power of two within the window costs nothing and no bit.
        self._scaled_hann = hann(frontend.window_samples) * INT16_SCALE
        self._filters = mel_filters(frontend, sample_rate_hz)
        self._heard = np.zeros(frontend.window_samples)
        self._still_needed, self._newest = self._heard[: self._kept], self._heard[self._hop :]
        self._padded = np.zeros(frontend.fft_size)
        self._windowed = self._padded[: frontend.window_samples]
        self._spectrum = np.zeros(bins, dtype=np.complex128)
        self._flat = self._spectrum.view(np.float64)
        self._real, self._imaginary = self._flat[0::2], self._flat[1::2]
        self._power = np.zeros(bins)
        self._mel = np.zeros(frontend.mel_count)
        # numpy 1 has no out= in rfft.
        has_out = int(np.__version__.split(".")[0]) >= 2
        self._rfft_out: Dict[str, Any] = {"out": self._spectrum} if has_out else {}
        self._filled = self._kept

    def reset(self) -> None:
        self._heard[:] = 0.0
        self._filled = self._kept

    def frames_after(self, samples: int) -> int:
        """How many frames the next ``samples`` samples will complete."""
        return (self._filled - self._kept + samples) // self._hop

    def push_into(self, samples: NDArray[Any], out: NDArray[np.float32]) -> int:
        _check_samples(samples)
        frames = out.reshape(-1, self.frontend.mel_count)
        count = self.frames_after(len(samples))
        if count > len(frames):
            raise ValueError(f"{len(samples)} samples complete {count} frames, out holds {len(frames)}")
        taken = 0
        for index in range(count):
            taken = self._hear(samples, taken)
            self._compute(frames[index])
        if taken < len(samples):
            self._hear(samples, taken)
        return count

    def push(self, samples: NDArray[Any]) -> NDArray[np.float32]:
        """The frames that ``samples`` complete, as a new array of shape (n, mel_count); n may be 0."""
        out = np.empty((self.frames_after(len(samples)), self.frontend.mel_count), dtype=np.float32)
        self.push_into(samples, out)
        return out

    def extract(self, samples: NDArray[Any]) -> NDArray[np.float32]:
        """Frames of a whole recording, from a fresh stream; leaves the object reset."""
        self.reset()
        frames = self.push(samples)
        self.reset()
        return frames

    def _hear(self, samples: NDArray[Any], begin: int) -> int:
        """Fill the window from ``samples[begin:]`` as far as it goes; returns where the rest begins."""
        count = min(len(self._heard) - self._filled, len(samples) - begin)
        place = self._heard[self._filled : self._filled + count]
        place[:] = samples[begin : begin + count]
        if samples.dtype == np.float32:
            place *= 1.0 / INT16_SCALE
        self._filled += count
        return begin + count

    def _compute(self, frame: NDArray[np.float32]) -> None:
        np.multiply(self._heard, self._scaled_hann, out=self._windowed)
        spectrum = np.fft.rfft(self._padded, **self._rfft_out)
        if spectrum is not self._spectrum:
            self._spectrum[:] = spectrum
        np.multiply(self._flat, self._flat, out=self._flat)
        np.add(self._real, self._imaginary, out=self._power)
        self._power.dot(self._filters, out=self._mel)
        np.maximum(self._mel, self._floor, out=self._mel)
        np.log(self._mel, out=self._mel)
        frame[:] = self._mel
        self._still_needed[:] = self._newest
        self._filled = self._kept


class Pcm:
    """Float samples in [-1, 1], shape (context_samples + chunk,): the last samples of the previous chunk come first."""

    def __init__(self, frontend: Frontend) -> None:
        if frontend.kind != "pcm":
            raise ValueError(f"Pcm needs a pcm frontend, got {frontend.kind!r}")
        self._context = np.zeros(frontend.context_samples, dtype=np.float32)
        self._out: Any = None
        self._size = -1
        self._dtype: Any = None

    def reset(self) -> None:
        self._context[:] = 0.0

    def push_into(self, samples: NDArray[Any], out: NDArray[np.float32]) -> int:
        # Chunk after chunk is alike, so what was checked and cut for the last one holds for this one.
        if out is not self._out or len(samples) != self._size or samples.dtype is not self._dtype:
            self._fit(samples, out)
        if not self._kept:
            np.multiply(samples, self._scale, self._body)
            return self._size
        self._head[:] = self._context
        np.multiply(samples, self._scale, self._body)
        self._context[:] = self._tail
        return self._size

    def _fit(self, samples: NDArray[Any], out: NDArray[np.float32]) -> None:
        _check_samples(samples)
        flat, kept = out.reshape(-1), len(self._context)
        if len(flat) != kept + len(samples):
            raise ValueError(f"out must hold {kept} + {len(samples)} samples, got {len(flat)}")
        self._kept = kept
        self._head, self._body, self._tail = flat[:kept], flat[kept:], flat[len(flat) - kept :]
        # A power of two in float32: exact, and it spares numpy the way through float64.
        self._scale = np.array(INT16_SCALE if samples.dtype == np.int16 else 1.0, dtype=np.float32)
        self._out, self._size, self._dtype = out, len(samples), samples.dtype


def make_frontend(contract: StreamContract) -> FrontEnd:
    """The front end that ``contract`` names, at the start of a stream."""
    if contract.frontend.kind == "log-mel":
        return LogMel(contract.frontend, contract.sample_rate_hz)
    if contract.frontend.kind == "touch":
        return Touch(contract.frontend)
    if contract.frontend.kind == "tokens":
        return Tokens(contract.frontend)
    if contract.frontend.kind == "whisper-mel":
        return WhisperMel(contract.frontend, contract.sample_rate_hz)
    return Pcm(contract.frontend)


def mel_shape(frontend: Frontend, samples: int) -> Tuple[int, int]:
    """Shape of the frames of ``samples`` samples from the start of a stream."""
    return samples // frontend.hop_samples, frontend.mel_count


def _check_samples(samples: NDArray[Any]) -> None:
    if samples.ndim != 1 or (samples.dtype != np.int16 and samples.dtype != np.float32):
        raise ValueError(f"samples must be mono int16 or float32, got {samples.dtype} of shape {samples.shape}")
