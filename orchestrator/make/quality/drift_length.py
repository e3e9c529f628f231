"""The task's error rate against how long a stream goes on before its state is set anew."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.contract import StreamContract
from agents.decode import Decoded, make_decoder
from orchestrator.domain.state_drift import LengthScore
from orchestrator.make.models.stepping import Runnable, chunk_inputs
from orchestrator.make.quality.drift_silence import resets_in_silence
from orchestrator.make.quality.drift_stream import Stepper
from orchestrator.make.quality.evaluation import EvaluationSet, Utterance
from orchestrator.make.quality.metrics import word_errors
from orchestrator.statistics.bootstrap import paired_difference
from orchestrator.statistics.interval import Interval

# Resampling fewer draws the same few again and again, and shows an interval where nothing is known.
FEWEST_ITEMS = 10
# Metrics whose errors by length are counted here.
SCORED = ("accuracy", "wer")


@dataclass(frozen=True)
class Silence:
    """What counts as silence (``drift_silence``), and how many chunks of it set the state anew."""

    level: float
    least_chunks: int


@dataclass(frozen=True)
class LengthPlan:
    """``utterances`` are joined in their order, ``lengths`` of them to a stream. ``silence`` None: no resets."""

    contract: StreamContract
    evaluation: EvaluationSet
    utterances: tuple[Utterance, ...]
    lengths: tuple[int, ...]
    silence: Silence | None


def usual_lengths(count: int) -> tuple[int, ...]:
    """1, 4, 16, ... and all ``count`` utterances in one stream."""
    powers = [4**i for i in range(count.bit_length()) if 2 * 4**i <= count]
    return tuple(sorted({1, *powers, count}))


def score_lengths(
    plan: LengthPlan, source: Runnable, artifact: Runnable, seed: int, on_length: Callable[[int], None]
) -> tuple[LengthScore, ...]:
    """One line per length, all on the same utterances. The decoder is the contract's, keyword or ctc.

    A keyword spotter gives each utterance a label, and its decoder (not its state) starts anew with each; a
    transcript is that of the whole stream against all of its words.
    """
    found = []
    for length in plan.lengths:
        on_length(length)
        found.append(_score(plan, length, source, artifact, seed))
    return tuple(found)


def _score(plan: LengthPlan, length: int, source: Runnable, artifact: Runnable, seed: int) -> LengthScore:
    streams = [_Stream(plan, plan.utterances[i : i + length]) for i in range(0, len(plan.utterances), length)]
    truth, own, reset = [], [], []
    for stream in streams:
        inputs = stream.inputs()
        truth += stream.errors(source, inputs, with_resets=False)
        own += stream.errors(artifact, inputs, with_resets=False)
        if plan.silence is not None:
            reset += stream.errors(artifact, inputs, with_resets=True)
    errors, counts = np.array(truth, dtype=np.float64).T
    own_errors = np.array(own, dtype=np.float64)[:, 0]
    samples = sum(u.span.count for u in plan.utterances)
    return LengthScore(
        utterances=length,
        seconds=samples / plan.evaluation.sample_rate_hz / len(streams),
        items=len(counts),
        fp32=float(errors.sum() / counts.sum()),
        artifact=float(own_errors.sum() / counts.sum()),
        with_resets=sum(e for e, _ in reset) / float(counts.sum()) if reset else None,
        loss=_loss(own_errors, errors, counts, seed),
    )


def _loss(own: NDArray[np.float64], fp32: NDArray[np.float64], counts: NDArray[np.float64], seed: int) -> Interval:
    difference = paired_difference(own, fp32, counts, seed=seed)
    n = len(counts)
    if n < FEWEST_ITEMS:
        return Interval(difference.value, None, None, n, reason=f"{n} are too few to draw an interval from")
    return Interval(difference.value, difference.low, difference.high, n)


class _Stream:
    """Utterances that follow each other without a new state."""

    def __init__(self, plan: LengthPlan, utterances: Sequence[Utterance]) -> None:
        self.contract, self.utterances = plan.contract, utterances
        self.samples = np.concatenate([plan.evaluation.samples(u) for u in utterances])
        self.ends = np.cumsum([u.span.count for u in utterances]) // plan.contract.chunk_samples
        self.resets = np.zeros(len(self.samples) // plan.contract.chunk_samples, dtype=np.bool_)
        if plan.silence is not None:
            chunk, silence = plan.contract.chunk_samples, plan.silence
            self.resets = resets_in_silence(self.samples, chunk, silence.level, silence.least_chunks)

    def inputs(self) -> list[NDArray[Any]]:
        return list(chunk_inputs(self.contract, self.samples, self.contract.chunk_samples))

    def errors(self, graph: Runnable, inputs: list[NDArray[Any]], *, with_resets: bool) -> list[tuple[float, float]]:
        """(errors, count) of each item."""
        decoded = self._decode(graph, inputs, with_resets)
        if self.contract.decoder.kind == "ctc":
            text = " ".join(u.text or "" for u in self.utterances)
            errors, words = word_errors(text, decoded[-1]["text"] or "")
            return [(float(errors), float(words))]
        return [(float(d["label"] != u.text), 1.0) for d, u in zip(decoded, self.utterances, strict=True)]

    def _decode(self, graph: Runnable, inputs: list[NDArray[Any]], with_resets: bool) -> list[Decoded]:
        """One result per utterance; a transcript goes on, so that the last one holds all of it."""
        decoder = make_decoder(self.contract.decoder)
        stepper = Stepper(graph, self.contract, "the graph")
        decoded: list[Decoded] = []
        for k, values in enumerate(inputs):
            if with_resets and self.resets[k]:
                stepper.reset()
            decoder.push(stepper.step(values)[0])
            while len(decoded) < len(self.ends) and k + 1 >= self.ends[len(decoded)]:
                decoded.append(decoder.finish())
                if self.contract.decoder.kind == "keyword":
                    decoder.reset()
        # Only a stream that is shorter than a chunk leaves any.
        return decoded + [decoder.finish() for _ in range(len(self.ends) - len(decoded))]
