"""The stream loop: samples in chunks to features, graph with explicit state, events."""

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bundle import Bundle
from .decoder import Decoder, Frames, GreedyCtc, Heard, Keywords, VoiceActivity
from .frontend import Frontend, make_frontend
from .graphs import LOADERS, Arrays, Graph
from .touch import Touch
from .transducer import BeamRnnt, GreedyRnnt, Step
from .trie import Lexicon, Trie, Words, read_words
from .trie_search import TrieSearch

_DECODERS: dict[str, type[Frames]] = {"none": Frames, "keyword": Keywords, "ctc": GreedyCtc, "vad": VoiceActivity}


@dataclass(frozen=True)
class Event:
    """``time_s``: since the start of the stream, the end of the output frame that said so. ``words``: where words are
    ranked, the best first, each with its share of the probability."""

    label: str
    time_s: float
    score: float
    words: tuple[tuple[str, float], ...] = ()


class Stream:
    """One stream through the model. Make another one for another stream."""

    def __init__(
        self, contract: dict[str, Any], chunk_samples: int, graph: Graph, step: Graph | None, words: Words | None
    ) -> None:
        """``step`` and ``words``: a transducer's second graph, and the words that a search over a trie may tell."""
        self.contract, self.graph, self.chunk_samples = contract, graph, chunk_samples
        self.sample_rate_hz: int = contract["sample_rate_hz"]
        self.frontend = make_frontend(contract["frontend"], self.sample_rate_hz)
        self.words = None if words is None else self._trie(words)
        self.decoder = self._decoder(contract["decoder"], step, self.frontend)
        values = contract["constant_values"]
        self.fixed = {c["name"]: np.full(c["shape"], values[c["name"]], c["dtype"]) for c in contract["constants"]}
        self.waiting = np.zeros(0, np.int16)
        self.outputs: Arrays = {}
        self._reset()

    @classmethod
    def open(cls, bundle: Bundle, device: str | None = None) -> "Stream":
        """With the first configuration for ``device`` (Bundle.configurations) that can be loaded here."""
        *first, last = bundle.configurations(device)
        for configuration in first:
            try:
                return cls._load(bundle, configuration)
            except Exception as error:
                print(f"{configuration['label']} cannot be loaded, so the next one is: {error}", file=sys.stderr)
        return cls._load(bundle, last)

    @classmethod
    def _load(cls, bundle: Bundle, configuration: dict[str, Any]) -> "Stream":
        load, files = LOADERS[configuration["runtime"]], configuration["files"]
        step = load(bundle.file(configuration, "step"), configuration["step"]) if "step" in files else None
        words = read_words(bundle.file(configuration, "lexicon")) if "lexicon" in files else None
        graph = load(bundle.file(configuration, "graph"), configuration)
        return cls(bundle.contract(configuration), configuration["chunk_samples"], graph, step, words)

    def _decoder(self, spec: dict[str, Any], step: Graph | None, frontend: Frontend) -> Decoder:
        if spec["kind"] in _DECODERS:
            return _DECODERS[spec["kind"]](spec)
        assert step is not None
        asked = Step(self.contract["search"], step)
        if spec["kind"] == "rnnt":
            return GreedyRnnt(spec, asked) if spec["beam"] == 1 else BeamRnnt(spec, asked)
        assert self.words is not None
        assert isinstance(frontend, Touch)
        return TrieSearch(spec, asked, Lexicon(self.words), frontend)

    def use_words(self, words: Words) -> None:
        """A user's own words beside the lexicon's, with counts, from the next trace on."""
        if not isinstance(self.decoder, TrieSearch):
            raise ValueError(f"a {self.contract['decoder']['kind']} decoder tells no words")
        assert self.words is not None
        self.decoder.use(Lexicon(self.words, self._trie(words) if words else None))

    def _trie(self, words: Words) -> Trie:
        return Trie(words, self.contract["decoder"]["labels"], self.contract["decoder"]["max_symbols"])

    def _reset(self) -> None:
        self.state = {s["input"]: np.full(s["shape"], s["initial"], s["dtype"]) for s in self.contract["states"]}

    def push(self, samples: NDArray[Any]) -> list[Event]:
        """Take int16 samples, as many as there are, and tell what was heard by now."""
        self.waiting = np.concatenate([self.waiting, samples])
        found: list[Event] = []
        while len(self.waiting) >= self.chunk_samples:
            chunk, self.waiting = self.waiting[: self.chunk_samples], self.waiting[self.chunk_samples :]
            found += self._step(chunk)
        return found

    def finish(self) -> list[Event]:
        """At the end of the stream: what was waiting for a whole chunk, and what the decoder was still open about."""
        missing = -len(self.waiting) % self.chunk_samples
        found = self.push(np.zeros(missing, np.int16))
        return found + self._events(self.decoder.finish())

    def _step(self, chunk: NDArray[Any]) -> list[Event]:
        spec = self.contract["input"]
        shape = [-1 if axis == self.contract["time_axis"] else size for axis, size in enumerate(spec["shape"])]
        features = self.frontend.push(chunk).reshape(shape).astype(spec["dtype"])
        self.outputs = self.graph.run({spec["name"]: features, **self.state, **self.fixed})
        # The loop that the client owns: what came out is what goes in with the next chunk.
        self.state = {s["input"]: self.outputs[s["output"]] for s in self.contract["states"]}
        output = self.outputs[self.contract["outputs"][0]["name"]]
        # A probability of speech is one figure for two labels.
        width = 1 if self.contract["decoder"]["kind"] == "vad" else output.shape[-1]
        rows = output.reshape(-1, width)
        self.frame_s = self.chunk_samples / self.sample_rate_hz / len(rows)
        found = self.decoder.push(rows)
        if self.decoder.ended:
            self._reset()
            self.frontend.reset()
        return self._events(found)

    def _events(self, heard: list[Heard]) -> list[Event]:
        return [Event(h.label, (h.frame + 1) * self.frame_s, h.score, h.words) for h in heard]
