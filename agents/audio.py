"""The WAV that a session streams, read with the standard library."""

import wave

from agents.failure import Failure


def read_pcm(path: str, sample_rate_hz: int, name: str) -> bytes:
    """Little-endian 16-bit samples of a mono WAV at ``sample_rate_hz``. Raises Failure "audio" that names the file."""
    try:
        with wave.open(path, "rb") as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            frames = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        what = str(error) or "it ends too early"
        raise Failure("audio", f"cannot read {name} as WAV ({what}): give a mono 16-bit PCM WAV") from error
    if channels != 1:
        raise Failure("audio", f"audio must be mono, got {channels} channels in {name}: convert it with sox -c 1")
    if width != 2:
        raise Failure("audio", f"audio must be 16-bit, got {8 * width} bits in {name}: convert it with sox -b 16")
    if rate != sample_rate_hz:
        raise Failure(
            "audio", f"audio must be at {sample_rate_hz} Hz, got {rate} Hz in {name}: resample it with sox -r"
        )
    if len(frames) < width:
        raise Failure("audio", f"audio must not be empty, got no samples in {name}")
    return frames[: len(frames) // width * width]
