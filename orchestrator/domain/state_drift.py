"""What happens to an artifact's states and outputs, against those of its fp32 source, as a stream goes on."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.statistics.interval import Interval

# Each chunk from the fp32 reference's state; from the artifact's own; from its own, set anew in silence.
TEACHER_FORCED, FREE_RUNNING, WITH_RESETS = "teacher-forced", "free-running", "with resets"
WAYS = (TEACHER_FORCED, FREE_RUNNING, WITH_RESETS)
# From good to bad.
VERDICTS = ("bounded", "drifts", "diverges")


@dataclass(frozen=True)
class TensorDrift:
    """The difference d of one state or output from the fp32 source's, in the tensor's own unit, run in one way.

    ``max_abs`` None: not finite from ``finite_until_s`` on. ``cosine`` and ``snr_db`` are over the whole stream;
    ``snr_db`` None: no difference at all, or not finite. ``slope_per_minute`` is of the greatest |d| of a chunk.
    ``time_to_tolerance_s``: stream time after which |d| stays above ``tolerance``; None: not within the stream.
    ``reason`` is what the verdict stands on.
    """

    tensor: str
    kind: str
    way: str
    max_abs: float | None
    cosine: float | None
    snr_db: float | None
    slope_per_minute: Interval
    tolerance: float
    time_to_tolerance_s: float | None
    verdict: str
    reason: str
    finite_until_s: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in ("state", "output") or self.way not in WAYS or self.verdict not in VERDICTS:
            raise ValueError(f"kind, way and verdict must be known, got {self.kind}, {self.way}, {self.verdict}")
        if self.max_abs is not None and not (math.isfinite(self.max_abs) and self.max_abs >= 0):
            raise ValueError(f"max_abs must be finite and >= 0, or None, got {self.max_abs}")


@dataclass(frozen=True)
class LengthScore:
    """The task's error rate over streams of ``utterances`` utterances each, state carried through, in 0..1.

    ``seconds`` is the mean length of a stream. ``loss`` is the artifact's error rate minus fp32's on the same items:
    utterances of a keyword spotter, whole streams of a transcript.
    ``with_resets`` None: the audio has no silence to reset in, or it was not asked for.
    """

    utterances: int
    seconds: float
    items: int
    fp32: float
    artifact: float
    with_resets: float | None
    loss: Interval


@dataclass(frozen=True)
class DriftReport:
    """The answer of ``earshot drift``; ``sentence`` is the verdict in words, ``further`` what else is to be known.

    ``tensors`` has every way of every tensor; ``resets`` is how often the state was set anew in silence. ``lengths``
    empty or ``tensors`` without resets: ``absent`` says why. ``series`` is the file of raw arrays in the results
    folder, named by the SHA-256 of its bytes.
    """

    model: str
    artifact: str
    artifact_sha256: str
    source_sha256: str
    seconds: float
    chunk_s: float
    loop_s: float
    resets: int
    verdict: str
    sentence: str
    further: tuple[str, ...]
    tensors: tuple[TensorDrift, ...]
    metric: str | None
    lengths: tuple[LengthScore, ...]
    absent: dict[str, str]
    series: str

    def of(self, way: str) -> tuple[TensorDrift, ...]:
        return tuple(t for t in self.tensors if t.way == way)


@dataclass(frozen=True, eq=False)
class ShownDrift:
    """``max_abs[way]``: the greatest |d| of each chunk, float64, shape (chunks, tensors), in the order of the report's
    tensors; empty where the raw series are gone.
    """

    report: DriftReport
    max_abs: dict[str, NDArray[np.float64]]
