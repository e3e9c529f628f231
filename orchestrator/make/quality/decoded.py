"""Recordings that were decoded before: opening 15 minutes of Opus anew takes a second, each time."""

import contextlib
import hashlib
import os
import secrets
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orchestrator.make.quality.audio import read_audio

# Uncompressed files are read as fast as what would be kept of them.
_COMPRESSED = (".opus", ".ogg", ".mp3", ".flac")


def decoded(path: Path, sample_rate_hz: int, kept_dir: Path | None) -> NDArray[np.int16]:
    """``read_audio``, or what it gave for the very bytes of this file, with this decoder, when they were read last.

    ``kept_dir`` None: nothing is kept. Raises BadAudio.
    """
    if kept_dir is None or path.suffix.lower() not in _COMPRESSED or not path.is_file():
        return read_audio(path, sample_rate_hz)
    kept = kept_dir / f"{_key(path, sample_rate_hz)}.npy"
    with contextlib.suppress(OSError, ValueError, EOFError):
        samples: NDArray[np.int16] = np.load(kept, allow_pickle=False)
        if samples.dtype == np.int16 and samples.ndim == 1:
            return samples
    samples = read_audio(path, sample_rate_hz)
    with contextlib.suppress(OSError):  # Without room it is decoded again next time.
        _keep(kept, samples)
    return samples


def _key(path: Path, sample_rate_hz: int) -> str:
    # 50 ms, and only needed where something is decoded or was.
    import soundfile

    about = f"{soundfile.__libsndfile_version__} {sample_rate_hz} ".encode()
    return hashlib.sha256(about + path.read_bytes()).hexdigest()


def _keep(kept: Path, samples: NDArray[np.int16]) -> None:
    """Whole or not at all; a power cut may lose it, and a file without its end is not loaded."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    part = kept.with_name(f"{kept.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            np.save(file, samples, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        part.replace(kept)
    finally:
        part.unlink(missing_ok=True)
