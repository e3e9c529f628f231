"""A bundle's clients beside the agent: how long a word list takes to load, and the search over it, without its graph.

python benchmarks/bench_client_trie.py [--words 60000] [--traces 40] [--rounds 5]

The step graph is the same arithmetic in each language, so that what is timed is the search. Every client must find the
agent's words. "first" is what an app meets; "best" is after the compilers of Node and the JVM have warmed up.
"""

import argparse
import csv
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rounds import timed

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from agents.contract import StatePair, StepContract, TensorSpec
from agents.decode.step_graph import Search, StepMemory
from agents.decode.trie import read_trie
from agents.decode.trie_lexicon import Lexicon
from agents.decode.trie_search import TrieDecoder
from agents.strict_json import to_json
from orchestrator.make.models import reference
from tests.clients import building

HERE = Path(__file__).resolve().parent
DECODER = reference.load_contract("gesture-rnnt").decoder
LABELS = len(DECODER.labels)
# Logits that the letter before loses, so that a word without double letters is spelt once.
AGAIN = 12.0
STEP = StepContract(
    token=TensorSpec("token", (1,), "int32"),
    frame=TensorSpec("frame", (1, LABELS)),
    states=(StatePair("h_in", "h_out", (1, 1)),),
    logits=TensorSpec("logits", (1, LABELS)),
    batch=DECODER.beam,
)


class FrameIsLogits(StepMemory):
    def run(self, count: int) -> None:
        self.logits[:count] = answers(self.frames[:count], self.tokens[:count])


def answers(frames: NDArray[Any], tokens: NDArray[Any]) -> NDArray[Any]:
    logits = frames.copy()
    logits[np.arange(len(tokens)), tokens] -= AGAIN * (tokens > 0)
    return logits


def lexicon(path: Path, words: int) -> list[str]:
    """gesture-rnnt's words, and as many more made of them as are asked for."""
    with reference.lexicon_path("gesture-rnnt").open(newline="") as file:
        known = dict(itertools.islice(csv.reader(file), 1, None))
    made = dict.fromkeys((w + end for end in ("s", "ing", "er", "ly", "ness") for w in known), "1")
    rows = list({**made, **known}.items())[-words:]
    path.write_text("word,count\n" + "".join(f"{word},{count}\n" for word, count in rows))
    return [word for word, _ in rows]


def traces(words: list[str], count: int) -> list[NDArray[np.float32]]:
    """Each letter of a word likely in three frames, others in their neighbourhood, blank between."""
    rng = np.random.default_rng(7)
    found = []
    for word in rng.choice([w for w in words if 3 < len(w) <= 12], count):
        letters = [DECODER.labels.index(letter) for letter in word for _ in range(3)]
        frames = rng.normal(0.0, 2.0, (len(letters), LABELS)).astype(np.float32)
        frames[np.arange(len(letters)), letters] += 5.0
        frames[:, DECODER.blank] += 4.0
        found.append(frames)
    return found


def of_agent(path: Path, heard: list[NDArray[np.float32]], rounds: int) -> dict[str, Any]:
    tries: list[Any] = []
    loads = [
        timed(lambda: tries.append(read_trie(str(path), DECODER.labels, DECODER.max_symbols))) for _ in range(rounds)
    ]
    words: list[str] = []

    def search() -> None:
        words.clear()
        for frames in heard:
            decoder = TrieDecoder(DECODER, Search(FrameIsLogits(STEP), STEP, {}, lambda: "down"), Lexicon(tries[-1]))
            decoder.push(frames[None])
            words.extend(event["label"] for event in decoder.finish()["events"])

    return {"loads": loads, "searches": [timed(search) for _ in range(rounds)], "words": words}


def of_python(path: Path, heard: list[NDArray[np.float32]], rounds: int) -> dict[str, Any]:
    sys.path.insert(0, str(building.CLIENTS / "python"))
    from earshot_stream import transducer, trie, trie_search  # type: ignore[import-not-found]

    def run(inputs: dict[str, Any]) -> dict[str, Any]:
        return {"logits": answers(inputs["frame"], inputs["token"]), "h_out": inputs["h_in"]}

    spec = to_json(DECODER)
    tries: list[Any] = []
    labels, longest = list(DECODER.labels), DECODER.max_symbols
    loads = [timed(lambda: tries.append(trie.Trie(trie.read_words(path), labels, longest))) for _ in range(rounds)]
    step = transducer.Step(to_json(STEP), SimpleNamespace(fixed=False, run=run))
    decoder = trie_search.TrieSearch(spec, step, trie.Lexicon(tries[-1]), SimpleNamespace(phase="down"))
    words: list[str] = []

    def search() -> None:
        words.clear()
        for frames in heard:
            decoder.push(frames)
            words.extend(found.label for found in decoder.finish())

    return {"loads": loads, "searches": [timed(search) for _ in range(rounds)], "words": words}


def described(folder: Path, heard: list[NDArray[np.float32]], rounds: int) -> Path:
    """What the other languages are given."""
    (folder / "frames.raw").write_bytes(np.concatenate(heard).tobytes())
    step = {**to_json(STEP), "states": []}
    touch = {"keys": [{"letter": "a", "x": 0.1, "y": 0.1}], "key_width": 0.1, "key_height": 0.15}
    told = {"decoder": to_json(DECODER), "step": step, "touch": touch, "again": AGAIN, "rounds": rounds}
    frames = {"file": str(folder / "frames.raw"), "frames": [len(each) for each in heard]}
    (folder / "traces.json").write_text(json.dumps({**told, **frames}))
    return folder / "traces.json"


def said(*argv: str) -> dict[str, Any]:
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=600)
    return dict(json.loads(done.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, default=60_000)
    parser.add_argument("--traces", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="earshot-bench-") as scratch:
        folder = Path(scratch)
        path = folder / "words.csv"
        heard = traces(lexicon(path, given.words), given.traces)
        described_in = str(described(folder, heard, given.rounds))

        def node() -> dict[str, Any]:
            built = building.typescript(folder / "typescript")
            return said("node", str(HERE / "clients" / "trie.mjs"), str(built), str(path), described_in)

        def jvm() -> dict[str, Any]:
            (folder / "kotlin").mkdir()
            command = building.kotlin(folder / "kotlin", HERE / "clients" / "TrieTimes.kt")
            return said(*command, str(path), described_in)

        agent = of_agent(path, heard, given.rounds)
        print(f"{given.words} words, {given.traces} traces of {sum(map(len, heard))} frames, beam {DECODER.beam}")
        heads = f"{'load, first':>12} {'best':>8} {'of agent':>9} {'a trace, first':>15} {'best':>8} {'of agent':>9}"
        print(f"{'':12} {heads}")
        _print("agent", agent, agent, given.traces)
        clients: dict[str, tuple[Callable[[], dict[str, Any]], str | None]] = {
            "Python": (lambda: of_python(path, heard, given.rounds), None),
            "TypeScript": (node, "npm"),
            "Kotlin": (jvm, "java" if building.JSON.exists() else str(building.JSON)),
        }
        for name, (run, needs) in clients.items():
            if needs and not shutil.which(needs):
                print(f"{name:12} not measured: {needs} is not here")
                continue
            found = run()
            if found["words"] != agent["words"]:
                raise SystemExit(f"{name} finds other words than the agent: {found['words']}, not {agent['words']}")
            _print(name, found, agent, given.traces)


def _print(name: str, found: dict[str, Any], agent: dict[str, Any], traces_: int) -> None:
    line = f"{name:12}"
    for key, per, wide in (("loads", 1, 12), ("searches", traces_, 15)):
        first, best = found[key][0] / per, min(found[key]) / per
        ratio = min(found[key]) / min(agent[key])
        line += f" {first * 1e3:{wide - 3}.1f} ms {best * 1e3:5.1f} ms {ratio:8.2f}x"
    print(line, flush=True)


if __name__ == "__main__":
    main()
