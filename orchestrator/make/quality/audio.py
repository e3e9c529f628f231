"""Audio files <-> mono 16-bit samples. Nothing is resampled or mixed down behind the user's back."""

import hashlib
import os
import shlex
import tempfile
import wave
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from agents import wire
from orchestrator.errors import BadAudio

# Eight bits a sample: too coarse for speech features, so that a quality measured on them would say little.
_EIGHT_BIT = ("PCM_U8", "PCM_S8", "ULAW", "ALAW", "DPCM_8", "DWVW_8")
_FULL_SCALE = 32768.0
_BLOCK = 1 << 16


def read_audio(path: Path, sample_rate_hz: int) -> NDArray[np.int16]:
    """The samples of a mono recording at ``sample_rate_hz``: int16, shape (n,), n > 0. wav, flac, ogg, opus, mp3.

    16-bit files come bit for bit; other ones are rounded to 16 bits. Raises BadAudio that says what is wrong with
    which file, and with which command it is put right.
    """
    if not path.exists():
        raise BadAudio(f"there is no audio file {path}", hint="check the path; in a manifest it is relative to it")
    if not path.is_file():
        raise BadAudio(f"{path} is not a file", hint="give an audio file (wav, flac, ogg or opus)")
    try:
        with soundfile.SoundFile(path) as file:
            _check(path, file, sample_rate_hz)
            samples = _samples(file)
    except (soundfile.SoundFileError, RuntimeError, OSError) as exc:
        raise BadAudio(
            f"{path} cannot be read as audio: {exc}", hint=f"convert it with: {_conversion(path, sample_rate_hz)}"
        ) from exc
    if not len(samples):
        raise BadAudio(f"{path} is empty: it holds no samples", hint="record it again, or leave it out")
    return samples


def _check(path: Path, file: soundfile.SoundFile, sample_rate_hz: int) -> None:
    hint = f"convert it with: {_conversion(path, sample_rate_hz)}"
    if file.channels != 1:
        raise BadAudio(f"audio must be mono, got {file.channels} channels in {path}", hint=hint)
    if file.samplerate != sample_rate_hz:
        raise BadAudio(f"audio must be at {sample_rate_hz} Hz, got {file.samplerate} Hz in {path}", hint=hint)
    if file.subtype in _EIGHT_BIT:
        raise BadAudio(
            f"audio must have 16 bits or more, got 8 ({file.subtype}) in {path}",
            hint=f"record it anew with 16 bits; if there is no better one: {_conversion(path, sample_rate_hz)}",
        )


def _samples(file: soundfile.SoundFile) -> NDArray[np.int16]:
    if file.subtype == "PCM_16":
        return np.asarray(file.read(dtype="int16"), dtype=np.int16)
    return np.concatenate([np.zeros(0, dtype=np.int16), *(_rounded(b, file.name) for b in file.blocks(_BLOCK))])


def _rounded(floats: NDArray[np.float64], name: str) -> NDArray[np.int16]:
    if not np.isfinite(floats).all():
        raise BadAudio(f"{name} holds NaN or infinite samples", hint="record or convert it anew")
    return np.clip(np.rint(floats * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)


def _conversion(path: Path, sample_rate_hz: int) -> str:
    """The command that makes a file of the right form, ready for a shell."""
    target = path.with_name(f"{path.stem}-mono{sample_rate_hz}.wav")
    argv = ["ffmpeg", "-i", str(path), "-ac", "1", "-ar", str(sample_rate_hz), "-c:a", "pcm_s16le", str(target)]
    return shlex.join(argv)


def write_wav(path: Path, samples: NDArray[np.int16], sample_rate_hz: int) -> wire.Blob:
    """A mono 16-bit WAV, there as a whole or not at all, and what it is to a device's store.

    The same samples give the same bytes. Raises ValueError for samples of another dtype or shape.
    """
    if samples.dtype != np.int16 or samples.ndim != 1:
        raise ValueError(f"samples must be mono int16, got {samples.dtype} of shape {samples.shape}")
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as raw, wave.open(raw, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(sample_rate_hz)
            file.writeframes(np.ascontiguousarray(samples, dtype="<i2").tobytes())
        content = partial.read_bytes()
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return wire.Blob(hashlib.sha256(content).hexdigest(), len(content), ".wav")
