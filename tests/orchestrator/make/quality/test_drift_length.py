"""The error rate by length, on graphs whose answers are known: what they hear depends on how long they have heard."""

import numpy as np
import pytest

from agents import wire
from agents.contract import Decoder, Frontend, StatePair, StreamContract, TensorSpec
from orchestrator.domain.state_drift import LengthScore
from orchestrator.make.quality.drift_length import LengthPlan, Silence, score_lengths, usual_lengths
from orchestrator.make.quality.evaluation import EvaluationSet, Utterance

CHUNK = 10
LABELS = ("-", "a", "b")


def contract(kind: str) -> StreamContract:
    return StreamContract(
        model="counts",
        sample_rate_hz=100,
        chunk_samples=CHUNK,
        allowed_chunk_samples=(CHUNK,),
        frontend=Frontend("pcm"),
        input=TensorSpec("x", (1, CHUNK)),
        states=(StatePair("s", "s_out", (1,)),),
        outputs=(TensorSpec("y", (1, 1, 3)),),
        decoder=Decoder(kind, labels=LABELS, ignored=("-",)),
    )


class Listener:
    """Hears a in loud chunks, and b instead once its state has counted more than ``patience`` of them."""

    def __init__(self, patience: float) -> None:
        self.patience = patience

    def run(self, output_names: object, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        loud = float(np.abs(feeds["x"]).max() > 0.01)
        count = feeds["s"] + np.float32(loud)
        scores = np.full((1, 1, 3), -9.0, np.float32)
        scores[0, 0, 0 if not loud else 1 if count[0] <= self.patience else 2] = 9.0
        return [scores, count]


def plan(kind: str, lengths: tuple[int, ...], silence: Silence | None = None, count: int = 16) -> LengthPlan:
    """Utterances of one loud chunk and three silent ones; each says a."""
    one = np.concatenate([np.full(CHUNK, 9000), np.zeros(3 * CHUNK)]).astype(np.int16)
    spans = [wire.Span(i * len(one), len(one)) for i in range(count)]
    utterances = tuple(Utterance(f"u{i}", "test", span, "a") for i, span in enumerate(spans))
    return LengthPlan(
        contract(kind), EvaluationSet(100, utterances, np.tile(one, count), "0"), utterances, lengths, silence
    )


def scored(made: LengthPlan) -> list[LengthScore]:
    told: list[int] = []
    found = score_lengths(made, Listener(1e9), Listener(2), 0, told.append)
    assert tuple(told) == made.lengths
    return list(found)


@pytest.mark.parametrize("kind", ["keyword", "ctc"])
def test_errors_come_with_length_and_go_with_resets(kind: str) -> None:
    one, four, all_of_them = scored(plan(kind, (1, 4, 16), Silence(1.0, 2)))
    assert [s.fp32 for s in (one, four, all_of_them)] == [0.0, 0.0, 0.0]
    # The first two of each stream are heard.
    assert [s.artifact for s in (one, four, all_of_them)] == [0.0, 2 / 4, 14 / 16]
    assert [s.with_resets for s in (one, four, all_of_them)] == [0.0, 0.0, 0.0]
    assert [s.seconds for s in (one, four, all_of_them)] == pytest.approx([0.4, 1.6, 6.4])
    assert four.loss.value == 0.5


def test_few_streams_have_no_interval() -> None:
    sixteen, one = scored(plan("ctc", (1, 16)))
    assert (sixteen.items, sixteen.loss.low) == (16, 0.0)
    assert (one.items, one.loss.low) == (1, None)
    assert one.loss.reason == "1 are too few to draw an interval from"
    assert one.with_resets is None


def test_usual_lengths_end_with_all_of_it() -> None:
    assert usual_lengths(1) == (1,)
    assert usual_lengths(3) == (1, 3)
    assert usual_lengths(120) == (1, 4, 16, 120)
