"""The stream contract: how audio chunks and recurrent state go in and out of a graph.

Written beside each artifact as ``contract.json``; the agent needs nothing else to stream a graph of any runtime.
"""

import math
from dataclasses import dataclass, field
from typing import Dict, Optional, Tuple

DTYPES = ("float32", "float16", "int64", "int32", "int8", "uint8", "bool")
FRONTENDS = ("log-mel", "pcm", "touch", "tokens", "whisper-mel")
# Front ends whose input holds audio of before the chunk, so that a graph without state can be a stream.
WITH_CONTEXT = ("pcm", "whisper-mel")
DECODERS = ("none", "keyword", "ctc", "vad", "rnnt", "trie")
# Those that ask a second graph, symbol by symbol.
SEARCHES = ("rnnt", "trie")


def _require(ok: bool, message: str) -> None:
    if not ok:
        raise ValueError(message)


@dataclass(frozen=True)
class TensorSpec:
    """A graph input or output. ``shape`` is for one chunk of ``StreamContract.chunk_samples``."""

    name: str
    shape: Tuple[int, ...]
    dtype: str = "float32"

    def __post_init__(self) -> None:
        _require(bool(self.name), "tensor name must not be empty")
        _require(self.dtype in DTYPES, f"dtype of {self.name} must be one of {DTYPES}, got {self.dtype!r}")
        _require(all(d > 0 for d in self.shape), f"shape of {self.name} must be > 0 everywhere, got {self.shape}")


@dataclass(frozen=True)
class StatePair:
    """State read as ``input`` and written as ``output``; every element starts at ``initial`` with each new stream."""

    input: str
    output: str
    shape: Tuple[int, ...]
    dtype: str = "float32"
    initial: float = 0.0

    def __post_init__(self) -> None:
        _require(self.dtype in DTYPES, f"dtype of state {self.input} must be one of {DTYPES}, got {self.dtype!r}")
        _require(all(d > 0 for d in self.shape), f"shape of state {self.input} must be > 0, got {self.shape}")


@dataclass(frozen=True)
class Key:
    """A key of a keyboard: what it types, and its centre in keyboard widths from the keyboard's upper left corner."""

    letter: str
    x: float
    y: float


@dataclass(frozen=True)
class Frontend:
    """What turns samples into the graph's input.

    ``log-mel``: ``agents.features.LogMel`` frames, input shape (1, frames, mel_count).
    ``pcm``: float samples in [-1, 1], input shape (1, context_samples + chunk_samples): the last ``context_samples``
    of the previous chunk (zeros at the start) come first.
    ``touch``: a finger's path over ``keys`` (``agents.touch.Touch``), ``hop_samples`` = 2 samples (x and y) to a point,
    input shape (1, points, features); ``key_width`` and ``key_height`` in keyboard widths.
    ``tokens``: ids of tokens, ``hop_samples`` = 2 samples (low and high 15 bits) to a token, input shape (1, tokens).
    ``whisper-mel``: Whisper's log-mel frames of the last ``context_samples`` and the chunk together, input shape
    (1, mel_count, frames), anew with each chunk.
    """

    kind: str
    context_samples: int = 0
    window_samples: int = 400
    hop_samples: int = 160
    fft_size: int = 512
    mel_count: int = 40
    low_hz: float = 20.0
    high_hz: float = 7600.0
    log_floor: float = 1e-6
    keys: Tuple[Key, ...] = ()
    key_width: float = 0.1
    key_height: float = 0.15

    def __post_init__(self) -> None:
        _require(self.kind in FRONTENDS, f"frontend must be one of {FRONTENDS}, got {self.kind!r}")
        _require(self.context_samples >= 0, f"context_samples must be >= 0, got {self.context_samples}")
        with_context = self.kind in WITH_CONTEXT or self.context_samples == 0
        _require(with_context, f"context_samples belongs to the frontends {WITH_CONTEXT}, not to {self.kind}")
        _require(
            0 < self.hop_samples <= self.window_samples <= self.fft_size,
            f"0 < hop <= window <= fft must hold, got {self.hop_samples}, {self.window_samples}, {self.fft_size}",
        )
        _require((self.kind == "touch") == bool(self.keys), f"keys belong to the touch frontend, got {self.keys}")
        _require(min(self.key_width, self.key_height) > 0, f"key_width and key_height must be > 0, got {self}")
        _require(0 <= self.low_hz < self.high_hz, f"low_hz < high_hz must hold, got {self.low_hz}, {self.high_hz}")


@dataclass(frozen=True)
class Decoder:
    """What turns the first output into events: ``none``, ``keyword`` (posterior smoothing), ``ctc`` (greedy),
    ``vad`` (a probability of speech for each frame), or a search with the contract's second graph: ``rnnt`` (greedy
    where ``beam`` is 1) or ``trie`` (words of a lexicon, ranked).

    ``labels`` name the classes along the last axis. ``keyword``: ``ignored`` labels never fire; ``smooth_frames``,
    ``threshold`` and ``refractory_frames`` are in output frames. ``vad``: the two labels are what begins and what
    follows it; the first begins at ``threshold`` and ends after ``refractory_frames`` frames in a row below
    ``release``. ``ctc``, ``rnnt``, ``trie``: ``blank`` is the index of the blank. Searches keep ``beam`` hypotheses and
    take at most ``max_symbols`` symbols (``rnnt``: from a frame, ``trie``: in a word); ``trie`` tries the ``prune``
    best symbols of each hypothesis and adds ``prior_weight`` times the word's log prior.
    """

    kind: str = "none"
    labels: Tuple[str, ...] = ()
    ignored: Tuple[str, ...] = ()
    smooth_frames: int = 1
    threshold: float = 0.5
    refractory_frames: int = 1
    release: float = 0.35
    blank: int = 0
    beam: int = 1
    max_symbols: int = 10
    prune: int = 6
    prior_weight: float = 0.0

    def __post_init__(self) -> None:
        _require(self.kind in DECODERS, f"decoder must be one of {DECODERS}, got {self.kind!r}")
        _require(self.kind == "none" or len(self.labels) > 1, f"decoder {self.kind} needs labels, got {self.labels}")
        _require(set(self.ignored) <= set(self.labels), f"ignored {self.ignored} must be among labels {self.labels}")
        _require(self.smooth_frames > 0, f"smooth_frames must be > 0, got {self.smooth_frames}")
        _require(self.refractory_frames > 0, f"refractory_frames must be > 0, got {self.refractory_frames}")
        if self.kind == "vad":
            _require(len(self.labels) == 2, f"decoder vad has two labels, speech and silence, got {self.labels}")
            thresholds = (self.release, self.threshold)
            _require(0 < self.release <= self.threshold < 1, f"must be 0 < release <= threshold < 1: {thresholds}")
        sizes = (self.beam, self.max_symbols, self.prune)
        _require(min(sizes) > 0, f"beam, max_symbols and prune must be > 0, got {sizes}")


@dataclass(frozen=True)
class StepContract:
    """The second graph of a transducer, prediction net and joint in one: one symbol further for each hypothesis.

    (token, frame, states) -> (logits, new states), where axis 0 of every tensor is the hypotheses; shapes are those for
    one of them. ``token``, shape (1,): the symbol before, the blank at the start. ``frame``, shape (1, D): a frame of
    the main graph's first output. ``logits``, shape (1, labels). ``batch``: the most hypotheses in one call.
    """

    token: TensorSpec
    frame: TensorSpec
    states: Tuple[StatePair, ...]
    logits: TensorSpec
    batch: int = 1

    def __post_init__(self) -> None:
        _require(self.batch > 0, f"batch of the step graph must be > 0, got {self.batch}")
        _require(bool(self.states), "the step graph has no state, so it has no prediction net")
        tensors = (self.token.shape, self.frame.shape, self.logits.shape, *(s.shape for s in self.states))
        _require(all(shape[:1] == (1,) for shape in tensors), f"shapes must be for one hypothesis, got {tensors}")
        _require(len(self.token.shape) == 1 and len(self.frame.shape) == 2, "token is (1,) and frame (1, D)")


@dataclass(frozen=True)
class StreamContract:
    """(chunk, state) -> (outputs, new state), and what the client must do around it.

    ``input.shape`` and ``outputs`` are those of one chunk of ``chunk_samples``; ``time_axis`` is the axis of the input
    that grows with the chunk, and every size in ``allowed_chunk_samples`` may be fed. ``constants`` are scalar inputs
    with a fixed value, such as a sample rate. ``lookahead_samples`` is audio that the graph needs beyond the frame
    that it labels. ``search``: the second graph of a transducer, whose encoder is the main graph.
    """

    model: str
    sample_rate_hz: int
    chunk_samples: int
    allowed_chunk_samples: Tuple[int, ...]
    frontend: Frontend
    input: TensorSpec
    states: Tuple[StatePair, ...]
    outputs: Tuple[TensorSpec, ...]
    time_axis: int = 1
    constants: Tuple[TensorSpec, ...] = ()
    constant_values: Dict[str, float] = field(default_factory=dict)
    decoder: Decoder = field(default_factory=Decoder)
    lookahead_samples: int = 0
    search: Optional[StepContract] = None
    schema: int = 1

    def __post_init__(self) -> None:
        _require(self.schema == 1, f"contract schema must be 1, got {self.schema}")
        _require(self.sample_rate_hz > 0, f"sample_rate_hz must be > 0, got {self.sample_rate_hz}")
        _require(self.chunk_samples > 0, f"chunk_samples must be > 0, got {self.chunk_samples}")
        _require(
            self.chunk_samples in self.allowed_chunk_samples,
            f"chunk_samples {self.chunk_samples} must be among allowed_chunk_samples {self.allowed_chunk_samples}",
        )
        # A window of Whisper's is whole: streams of such windows need no memory.
        carries = bool(self.states) or self.frontend.context_samples > 0 or self.frontend.kind == "whisper-mel"
        _require(carries, f"model {self.model} has no state pair and no context, so it cannot be a stream")
        _require(bool(self.outputs), f"model {self.model} has no output beside its state")
        names = [self.input.name] + [s.input for s in self.states] + [c.name for c in self.constants]
        _require(len(names) == len(set(names)), f"input names must differ, got {names}")
        _require(
            {c.name for c in self.constants} == set(self.constant_values),
            f"constants {[c.name for c in self.constants]} must match constant_values {sorted(self.constant_values)}",
        )
        if self.frontend.kind != "pcm":
            for size in self.allowed_chunk_samples:
                _require(
                    size % self.frontend.hop_samples == 0,
                    f"chunk of {size} samples must be a multiple of hop_samples {self.frontend.hop_samples}",
                )
        self._require_search()

    def _require_search(self) -> None:
        searches = self.decoder.kind in SEARCHES
        _require(
            searches == (self.search is not None), f"decoders {', '.join(SEARCHES)} need search, and no other does"
        )
        if self.search is None:
            return
        frame, logits = self.search.frame.shape, self.search.logits.shape
        _require(len(self.outputs[0].shape) == 3, f"the encoder's output must be (1, frames, D): {self.outputs[0]}")
        _require(self.outputs[0].shape[2] == frame[1], f"the step graph takes frames {frame}, not {self.outputs[0]}")
        _require(logits[1] == len(self.decoder.labels), f"logits {logits} must be {len(self.decoder.labels)} labels")
        _require(self.decoder.beam <= self.search.batch, f"beam {self.decoder.beam} > batch {self.search.batch}")

    def input_shape(self, chunk_samples: Optional[int] = None) -> Tuple[int, ...]:
        """Shape of the graph's input for one chunk. Raises ValueError for a size that the contract does not allow."""
        samples = self.chunk_samples if chunk_samples is None else chunk_samples
        _require(
            samples in self.allowed_chunk_samples,
            f"chunk_samples must be one of {self.allowed_chunk_samples}, got {samples}",
        )
        shape = list(self.input.shape)
        seen = samples + self.frontend.context_samples
        shape[self.time_axis] = seen if self.frontend.kind == "pcm" else seen // self.frontend.hop_samples
        return tuple(shape)

    def chunk_s(self, chunk_samples: Optional[int] = None) -> float:
        """Duration of one chunk in seconds."""
        return (self.chunk_samples if chunk_samples is None else chunk_samples) / self.sample_rate_hz

    def frame_samples(self) -> int:
        """Samples of one frame of the first output, of which the decoder counts. Raises ValueError without labels."""
        if not self.decoder.labels:
            raise ValueError(f"model {self.model} has no decoder, so that nobody counts its frames")
        if self.search is not None:
            return self.chunk_samples // self.outputs[0].shape[1]
        # One figure says it of two labels.
        classes = 1 if self.decoder.kind == "vad" else len(self.decoder.labels)
        return self.chunk_samples * classes // math.prod(self.outputs[0].shape)
