"""The audio of ``earshot drift``: one piece, again and again."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import BadAudio, BadInput
from orchestrator.make.quality.audio import read_audio
from orchestrator.make.quality.evaluation import EvaluationSet, Utterance
from orchestrator.workflows.prepare import Prepared

# Eleven loops after the first one: ten increments, and 50 s of different audio in ten minutes.
LOOPS = 12
SPLIT = "test"


@dataclass(frozen=True, eq=False)
class LoopedAudio:
    """``loop`` is whole chunks of mono int16; the stream is ``loops`` of them, one after another."""

    loop: NDArray[np.int16]
    loops: int
    per_loop: int

    @property
    def chunks(self) -> int:
        return self.loops * self.per_loop

    def samples(self) -> NDArray[np.int16]:
        return np.tile(self.loop, self.loops)


def looped_audio(prepared: Prepared, own: Path | None, minutes: float) -> LoopedAudio:
    """``minutes`` of the model's evaluation audio (split test), or of the file ``own`` from its start.

    Raises BadInput without any audio and for less time than twelve chunks, BadAudio for less audio than a chunk.
    """
    contract = prepared.source.contract
    chunks = int(minutes * 60 * contract.sample_rate_hz + 1e-6) // contract.chunk_samples
    if chunks < LOOPS:
        raise BadInput(
            f"{minutes:g} minutes are {chunks} chunks of {contract.model}, and a slope needs {LOOPS} or more",
            hint="give it more --minutes",
        )
    heard = _heard(prepared, own, chunks // LOOPS * contract.chunk_samples)
    per_loop = min(chunks // LOOPS, len(heard) // contract.chunk_samples)
    if per_loop == 0:
        raise BadAudio(
            f"{len(heard)} samples of audio are less than a chunk of {contract.chunk_samples}",
            hint="give it more audio",
        )
    return LoopedAudio(heard[: per_loop * contract.chunk_samples], chunks // per_loop, per_loop)


def _heard(prepared: Prepared, own: Path | None, samples: int) -> NDArray[np.int16]:
    if own is not None:
        return read_audio(own, prepared.source.contract.sample_rate_hz)
    if prepared.evaluation is None:
        raise BadInput(
            f"{prepared.source.name} has no evaluation set to stream", hint="give it audio: --audio FILE.wav"
        )
    evaluation = prepared.evaluation
    evaluation.pcm(SPLIT)
    return np.concatenate([evaluation.samples(u) for u in spread(evaluation, samples)])


def spread(evaluation: EvaluationSet, samples: int) -> Sequence[Utterance]:
    """Utterances of split test from all over it, about ``samples`` of audio or a little more; all where that is less.

    Manifests are sorted by word or by speaker: the first ones are not like the rest.
    """
    utterances = evaluation.utterances_of(SPLIT)
    total = sum(u.span.count for u in utterances)
    return utterances[:: max(1, total // max(1, samples))]
