"""The WAV that a session streams, read with the standard library, and only as much of it as is needed."""

import wave
from typing import Any

from agents.failure import Failure

# Small enough that what is read is never in memory twice to speak of.
_BLOCK_SAMPLES = 1 << 14
_WIDTH_BYTES = 2


class Recording:
    """A mono 16-bit WAV, open for reading. ``name`` is what failures call it."""

    def __init__(self, file: wave.Wave_read, name: str) -> None:
        self._file, self._name = file, name

    def close(self) -> None:
        self._file.close()

    def read(self, start: int, count: int) -> Any:
        """Samples ``start`` .. ``start + count``, a new int16 array; fewer where the recording ends before.

        Raises Failure "audio".
        """
        # Not at the top: importing numpy belongs to the session's import phase.
        import numpy as np

        count = max(0, min(count, self._file.getnframes() - start))
        samples = np.empty(count, dtype=np.int16)
        filled = 0
        try:
            self._file.setpos(min(start, self._file.getnframes()))
            while filled < count:
                # In the machine's byte order: wave swaps where it must.
                data = self._file.readframes(min(_BLOCK_SAMPLES, count - filled))
                block = np.frombuffer(data, dtype=np.int16, count=len(data) // _WIDTH_BYTES)
                if not len(block):
                    break
                samples[filled : filled + len(block)] = block
                filled += len(block)
        except (wave.Error, EOFError) as error:
            raise _unreadable(self._name, error) from error
        return samples[:filled]


def open_recording(path: str, sample_rate_hz: int, name: str) -> Recording:
    """The WAV at ``path``, checked. Raises Failure "audio" that names the file."""
    try:
        file = wave.open(path, "rb")  # noqa: SIM115 -- the Recording closes it.
    except (wave.Error, EOFError) as error:
        raise _unreadable(name, error) from error
    channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
    reason = None
    if channels != 1:
        reason = f"audio must be mono, got {channels} channels in {name}: convert it with sox -c 1"
    elif width != _WIDTH_BYTES:
        reason = f"audio must be 16-bit, got {8 * width} bits in {name}: convert it with sox -b 16"
    elif rate != sample_rate_hz:
        reason = f"audio must be at {sample_rate_hz} Hz, got {rate} Hz in {name}: resample it with sox -r"
    elif len(file.readframes(1)) < width:
        reason = f"audio must not be empty, got no samples in {name}"
    if reason is not None:
        file.close()
        raise Failure("audio", reason)
    return Recording(file, name)


def _unreadable(name: str, error: Exception) -> Failure:
    what = str(error) or "it ends too early"
    return Failure("audio", f"cannot read {name} as WAV ({what}): give a mono 16-bit PCM WAV")
