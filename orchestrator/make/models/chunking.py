"""The chunk of a foreign graph: which axis is time, which front end feeds it, how many samples one chunk takes."""

from agents.contract import Frontend
from orchestrator.errors import BadInput, NotAStream
from orchestrator.make.models.answers import Answers, Notes, known_size
from orchestrator.make.models.graph import Port

# One frame every 10 ms of a 25 ms window: what nearly every log-mel front end for speech does.
_HOP_S, _WINDOW_S = 0.010, 0.025


def infer_chunk(
    audio: Port, rate_hz: int | None, answers: Answers, notes: Notes
) -> tuple[int, Frontend, tuple[int, ...], int] | None:
    """(chunk_samples, front end, input shape, time axis); None where a question is open."""
    if not audio.shape:
        raise NotAStream(f"audio input {audio.describe()} has no axis for time")
    kind = answers.frontend or _frontend_kind(audio, notes)
    time_axis = len(audio.shape) - (2 if kind == "log-mel" else 1)
    if time_axis < 0:
        raise BadInput(f"--frontend log-mel needs an input (1, frames, mels), got {audio.describe()}")
    for axis, dim in enumerate(audio.shape[:time_axis]):
        if isinstance(dim, int) and dim != 1:
            raise NotAStream(
                f"axis {axis} of the audio input {audio.describe()} must be 1 for one stream, got {dim}",
                hint="earshot feeds log-mel frames as (1, frames, mels) and samples as (1, samples)",
            )
    fixed = known_size(audio, time_axis, answers)
    leading = (1,) * time_axis
    if kind == "pcm":
        pcm = _pcm_chunk(fixed, answers, notes)
        return None if pcm is None else (pcm[0], Frontend("pcm", pcm[1]), (*leading, sum(pcm)), time_axis)
    return _log_mel_chunk(audio, fixed, rate_hz, answers, notes)


def _frontend_kind(audio: Port, notes: Notes) -> str:
    last = audio.shape[-1] if audio.shape else None
    kind = "log-mel" if len(audio.shape or ()) >= 3 and isinstance(last, int) and last > 1 else "pcm"
    why = f"the last axis of {audio.describe()} " + ("has a fixed size" if kind == "log-mel" else "is time")
    notes.found("front end", kind, f"{why} (--frontend says otherwise)")
    return kind


def _pcm_chunk(fixed: int | None, answers: Answers, notes: Notes) -> tuple[int, int] | None:
    """(chunk_samples, context_samples)."""
    chunk, context = answers.chunk_samples, answers.context_samples
    if chunk is None and (fixed is None or context is None):
        why = "the input takes any length" if fixed is None else f"{fixed} samples may hold context of the chunk before"
        notes.ask("chunk size", "--chunk-samples N", why)
        return None
    if chunk is None and fixed is not None and context is not None:
        chunk = fixed - context
    assert chunk is not None
    if context is None:
        context = 0 if fixed is None else fixed - chunk
        notes.found("context", f"{context} samples", "assumed: --context-samples" if fixed is None else "size - chunk")
    if chunk < 1 or context < 0 or (fixed is not None and chunk + context != fixed):
        raise BadInput(f"chunk {chunk} + context {context} must be the input's {fixed} samples")
    notes.found("chunk", f"{chunk} samples", "--chunk-samples" if answers.chunk_samples else "size - context")
    return chunk, context


def _log_mel_chunk(
    audio: Port, fixed: int | None, rate_hz: int | None, answers: Answers, notes: Notes
) -> tuple[int, Frontend, tuple[int, ...], int] | None:
    assert audio.shape is not None
    mel_count = known_size(audio, len(audio.shape) - 1, answers)
    if mel_count is None:
        notes.ask("number of mel bands", f"--dim {audio.name}.{len(audio.shape) - 1}=VALUE", audio.describe())
        return None
    chunk = answers.chunk_samples
    if chunk is None and fixed is None:
        notes.ask("chunk size", "--chunk-samples N", f"{audio.describe()} takes any number of frames of 10 ms")
    if rate_hz is None or (chunk is None and fixed is None):
        return None
    hop, window = round(_HOP_S * rate_hz), round(_WINDOW_S * rate_hz)
    chunk = chunk if chunk is not None else (fixed or 0) * hop
    if chunk % hop or (fixed is not None and chunk != fixed * hop):
        expected = f"{fixed} frames, {fixed * hop} samples" if fixed else f"a multiple of {hop} samples"
        raise BadInput(f"--chunk-samples must be {expected}, got {chunk}")
    fft = 1 << (window - 1).bit_length()
    notes.found("log-mel", f"{mel_count} bands, hop {hop}, window {window}, fft {fft}", "assumed: 10 ms and 25 ms")
    # 7600 Hz at 16 kHz, the default, and as near to half the rate where that is lower.
    frontend = Frontend("log-mel", 0, window, hop, fft, mel_count, high_hz=min(7600.0, 0.475 * rate_hz))
    time_axis = len(audio.shape) - 2
    return chunk, frontend, (*(1,) * time_axis, chunk // hop, mel_count), time_axis
