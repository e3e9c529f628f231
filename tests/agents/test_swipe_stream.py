"""A stream of swipes through the stages of a session: front end, graph, search. The graph is plain arithmetic."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.contract import Decoder, Frontend, Key, StatePair, StepContract, StreamContract, TensorSpec
from agents.decode.step_graph import Search, StepMemory
from agents.stages import LoopedAudio, Stages, make_stages
from agents.stream import evaluate
from agents.touch import MOTION_FEATURES, encode
from agents.wire import Span

KEYS = (Key("a", 0.1, 0.1), Key("b", 0.5, 0.1), Key("c", 0.9, 0.1))
LABELS = ("", "a", "b", "c")
CHUNK, STACK = 32, 4
STEP = StepContract(
    token=TensorSpec("token", (1,), "int64"),
    frame=TensorSpec("frame", (1, len(KEYS))),
    states=(StatePair("h_in", "h_out", (1, 1)),),
    logits=TensorSpec("logits", (1, len(LABELS))),
    batch=4,
)
CONTRACT = StreamContract(
    model="swipes",
    sample_rate_hz=200,
    chunk_samples=CHUNK,
    allowed_chunk_samples=(CHUNK,),
    frontend=Frontend("touch", hop_samples=2, keys=KEYS),
    input=TensorSpec("touches", (1, CHUNK // 2, MOTION_FEATURES + len(KEYS))),
    states=(StatePair("count_in", "count_out", (1,)),),
    outputs=(TensorSpec("encoded", (1, CHUNK // 2 // STACK, len(KEYS))),),
    decoder=Decoder("trie", labels=LABELS, beam=4, max_symbols=6),
    search=STEP,
)


class Nearness:
    """A backend whose frames say how near each key is; its state is the number of chunks since its last reset."""

    def __init__(self) -> None:
        self.input = np.zeros(CONTRACT.input.shape, np.float32)
        self.outputs = [np.zeros(CONTRACT.outputs[0].shape, np.float32)]
        self.chunks, self.longest = 0, 0

    def reset(self) -> None:
        self.chunks = 0

    def step(self) -> None:
        near = self.input[0, :, MOTION_FEATURES:].reshape(-1, STACK, len(KEYS))
        self.outputs[0][0] = near.mean(axis=1)
        self.chunks += 1
        self.longest = max(self.longest, self.chunks)


class NearestKey(StepMemory):
    """A step that emits a letter where its key is near and it was not the letter before."""

    def __init__(self) -> None:
        super().__init__(STEP)

    def run(self, count: int) -> None:
        self.logits[:count, 0] = 0.0
        self.logits[:count, 1:] = 20.0 * self.frames[:count] - 10.0
        for row, token in enumerate(self.tokens[:count]):
            if token:
                self.logits[row, token] = -20.0


def swipe(*keys: str) -> NDArray[np.int16]:
    """Rests on each key for 80 ms, and gets from one to the next in 60 ms."""
    centres = {key.letter: (key.x, key.y) for key in KEYS}
    points: list[Any] = []
    for key in keys:
        if points:
            points += list(np.linspace(points[-1], centres[key], 8)[1:-1])
        points += [centres[key]] * 8
    return encode(np.array(points))


def rest(points: int) -> NDArray[np.int16]:
    return np.zeros(2 * points, np.int16)


def in_chunks(samples: NDArray[np.int16]) -> list[NDArray[np.int16]]:
    return [samples[at : at + CHUNK] for at in range(0, len(samples), CHUNK)]


@pytest.fixture
def lexicon(tmp_path: Path) -> str:
    path = tmp_path / "words.csv"
    path.write_text("word,count\nab,5\nabc,1\ncab,2\nbc,9\nacb,3\n")
    return str(path)


def stages_of(lexicon: str) -> tuple[Stages, Nearness]:
    backend = Nearness()
    search = Search(NearestKey(), STEP, {"lexicon": lexicon})
    made: Any = make_stages(SimpleNamespace(contract=CONTRACT), backend, [0], search)  # type: ignore[arg-type]
    return made, backend


def run(stages: Stages, samples: NDArray[np.int16]) -> Any:
    for chunk in in_chunks(samples):
        stages.push(chunk, stages.target)
        stages.step()
        assert stages.decode is not None
        stages.decode()
    return stages.finish()


def padded(*parts: NDArray[np.int16]) -> NDArray[np.int16]:
    whole = np.concatenate(parts)
    return np.concatenate([whole, np.zeros(-len(whole) % CHUNK, np.int16)])


def test_each_lift_ends_a_word_and_the_graph_begins_anew(lexicon: str) -> None:
    stages, backend = stages_of(lexicon)
    first, second = padded(rest(5), swipe("c", "a", "b"), rest(1)), padded(rest(40), swipe("a", "c", "b"), rest(20))
    decoded = run(stages, np.concatenate([first, second, second]))
    assert decoded["text"] == "cab acb acb"
    assert [event["frame"] for event in decoded["events"]] == sorted(event["frame"] for event in decoded["events"])
    # Idle chunks and those of another word are not in the state of this one.
    assert backend.longest == len(in_chunks(first))
    assert decoded["events"][1]["words"][0]["score"] == pytest.approx(decoded["events"][2]["words"][0]["score"])


def test_spans_are_words_of_their_own_and_padding_lifts_the_finger(lexicon: str) -> None:
    stages, _ = stages_of(lexicon)
    stages.check = lambda chunk: None
    spoken = [swipe("b", "c"), swipe("a", "b")]
    samples = np.concatenate(spoken)
    spans = (Span(0, len(spoken[0])), Span(len(spoken[0]), len(spoken[1])))
    decoded, _ = evaluate(stages, lambda start, count: samples[start : start + count], CHUNK, spans)
    assert [d["text"] for d in decoded] == ["bc", "ab"]


def test_a_loop_of_a_trace_gives_its_word_again_and_again(lexicon: str) -> None:
    stages, _ = stages_of(lexicon)
    audio = LoopedAudio(padded(swipe("c", "a", "b"), rest(1)), CHUNK)
    chunks = len(audio.extended) // CHUNK
    decoded = run(stages, np.concatenate([audio.chunk(number) for number in range(3 * chunks)]))
    assert decoded["text"] == "cab cab cab"
