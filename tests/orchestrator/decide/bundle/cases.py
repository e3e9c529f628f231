"""What each client must hear as the agent hears it: a bundle, a recording, and the agent's own events."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agents.contract import Decoder, Frontend, StatePair, StreamContract, TensorSpec
from agents.decode import Event
from agents.tokens import encode
from orchestrator.make.models import reference
from orchestrator.make.quality.audio import write_wav
from orchestrator.make.quality.evaluation import load_evaluation
from tests import graphs
from tests.orchestrator.decide.bundle import transducers
from tests.orchestrator.decide.bundle.bundles import bundle_of, heard_by_agent, speech_of

LEXICON = reference.lexicon_path("gesture-rnnt")
VOICE = StreamContract(
    model="voice",
    sample_rate_hz=16_000,
    chunk_samples=512,
    allowed_chunk_samples=(512,),
    frontend=Frontend("pcm"),
    input=TensorSpec("pcm", (1, 512)),
    states=(StatePair("level_in", "level_out", (1, 1)),),
    outputs=(TensorSpec("speech", (1, 1)),),
    decoder=Decoder("vad", ("speech", "silence"), refractory_frames=3),
)

VOCABULARY = 50_000
TOKENS = StreamContract(
    model="tokens",
    sample_rate_hz=20,
    chunk_samples=4,
    allowed_chunk_samples=(4,),
    frontend=Frontend("tokens", hop_samples=2),
    input=TensorSpec("ids", (1, 2), "int64"),
    states=(StatePair("kept_in", "kept_out", (1, 1, 3)),),
    outputs=(TensorSpec("logits", (1, 2, 3)),),
    decoder=Decoder("ctc", ("", "a", "b")),
)


@dataclass(frozen=True)
class Case:
    """``frame_s``: how far two output frames are apart. ``words``: a user's own, for the client too."""

    bundle: Path
    audio: Path
    events: Sequence[Event]
    frame_s: float
    words: Path | None = None

    @property
    def times_s(self) -> list[float]:
        return [(event["frame"] + 1) * self.frame_s for event in self.events]


def of_one_graph(folder: Path, model: str) -> Case:
    path, samples, contract = reference.onnx_path(model), speech_of(model), reference.load_contract(model)
    write_wav(folder / "audio.wav", samples, contract.sample_rate_hz)
    events = heard_by_agent(contract, path, samples)
    assert len(events) >= 5
    frame_s = contract.chunk_s() / contract.outputs[0].shape[1]
    return Case(bundle_of(model, folder, path), folder / "audio.wav", events, frame_s)


def of_voice(folder: Path) -> Case:
    """Three seconds of noise between seconds of silence."""
    graph = graphs.save(transducers.voice_graph(), folder / "voice.onnx")
    loud = (np.arange(8 * 16_000) // 16_000 % 2 == 1).astype(np.float64)
    samples = (graphs.babble(8.0) * loud).astype(np.int16)
    write_wav(folder / "audio.wav", samples, 16_000)
    events = heard_by_agent(VOICE, graph, samples)
    assert len(events) >= 6
    return Case(bundle_of("voice", folder, graph, contract=VOICE), folder / "audio.wav", events, VOICE.chunk_s())


def of_tokens(folder: Path) -> Case:
    graph = graphs.save(transducers.tokens_graph(VOCABULARY, 3), folder / "tokens.onnx")
    samples = encode(np.random.default_rng(0).integers(0, VOCABULARY, 41).tolist())
    write_wav(folder / "audio.wav", samples, TOKENS.sample_rate_hz)
    events = heard_by_agent(TOKENS, graph, samples)
    assert len(events) >= 10
    return Case(bundle_of("tokens", folder, graph, contract=TOKENS), folder / "audio.wav", events, 0.1)


def of_speech(folder: Path, beam: int) -> Case:
    contract, encoder, step = transducers.speech(beam, folder)
    samples = graphs.babble(3.1)
    write_wav(folder / "audio.wav", samples, 16_000)
    events = heard_by_agent(contract, encoder, samples, step=step)
    assert len(events) >= 5
    bundle = bundle_of(contract.model, folder, encoder, contract=contract, step=step)
    return Case(bundle, folder / "audio.wav", events, 0.01)


def of_swipes(folder: Path) -> Case:
    contract, encoder, step = transducers.swipes(folder)
    samples = swiped(6)
    write_wav(folder / "audio.wav", samples, contract.sample_rate_hz)
    events = heard_by_agent(contract, encoder, samples, step=step, lexicon=LEXICON)
    assert len(events) == 6
    assert sum(len(e["words"]) for e in events) > 20, "with one word each, no ranking is tested"
    bundle = bundle_of(contract.model, folder, encoder, contract=contract, step=step, lexicon=LEXICON)
    return Case(bundle, folder / "audio.wav", events, 0.04)


def of_a_user_s_words(folder: Path) -> Case:
    """A new word that is near to what was swiped, and a known one that the user types more often than others do."""
    contract, encoder, step = transducers.swipes(folder, prior_weight=0.6)
    samples = swiped(4)
    write_wav(folder / "audio.wav", samples, contract.sample_rate_hz)
    plain = heard_by_agent(contract, encoder, samples, step=step, lexicon=LEXICON)
    own = folder / "own.csv"
    own.write_text(f"word,count\n{plain[0]['label']}z,3\n{plain[1]['words'][-1]['word']},50\n")
    events = heard_by_agent(contract, encoder, samples, step=step, lexicon=LEXICON, user_lexicon=own)
    assert [e["words"] for e in events] != [e["words"] for e in plain]
    bundle = bundle_of(contract.model, folder, encoder, contract=contract, step=step, lexicon=LEXICON)
    return Case(bundle, folder / "audio.wav", events, 0.04, own)


def swiped(words: int) -> NDArray[np.int16]:
    """The first swipes of gesture-rnnt's evaluation set, each followed by a lifted finger."""
    evaluation = load_evaluation(reference.manifest_path("gesture-rnnt"), transducers.SWIPES.sample_rate_hz)
    lifted = np.zeros(2 * transducers.SWIPES.chunk_samples, np.int16)
    return np.concatenate(
        [part for u in evaluation.utterances_of("test")[:words] for part in (evaluation.samples(u), lifted)]
    )


CASES: dict[str, Callable[[Path], Case]] = {
    "keyword": lambda folder: of_one_graph(folder, "kws"),
    "ctc": lambda folder: of_one_graph(folder, "digits-lstm"),
    "vad": of_voice,
    "tokens": of_tokens,
    "rnnt-greedy": lambda folder: of_speech(folder, 1),
    "rnnt-beam": lambda folder: of_speech(folder, 4),
    "trie": of_swipes,
    "trie-user-words": of_a_user_s_words,
}
