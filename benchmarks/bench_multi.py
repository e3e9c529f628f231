"""How many streams does a device hold: the search against trying every number from 1 up, side by side.

Both use real sessions of the agent and the same verdict. Trying every number needs it for each; the search needs it
where it ends, and has two runs at the numbers on its way. They take turns, session by session. Two devices:

- ``echo``: a server whose truth is known. One session serves all streams in turn; a chunk takes it 0.94 ms, mostly
  asleep, and the loop around it 0.01 to 0.06 ms. Chunks of 20 ms come from each stream, so that 20 streams fit and 21
  do not: 20 * (0.94 + 0.06) <= 20 < 21 * (0.94 + 0.0124).
- ``kws``: the keyword spotter with ONNX Runtime on this machine, a process for each stream. What it holds is not known.

The figure is the ratio of the times, and how far the two numbers lie apart. Other load changes what is held: the
sessions are given priority (nice -19) where that is permitted, and the truth is that of a machine of one's own. Where
others load it, late chunks come with few more streams and the budget is crossed nowhere in particular: then both stay
doubtful over many numbers, and their bounds say so.

    python benchmarks/bench_multi.py [--only echo] [--seconds 3] [--most-streams 200]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
from bench_agent_loop import mlp_spec, noise_wav, store_blob

from agents import strict_json, wire
from agents.probe import probe
from orchestrator.decide.capacity.search import Bounds, StreamsQuestion, StreamsSearch, bounds
from orchestrator.decide.capacity.verdict import DEFAULT_BUDGET, DEFAULT_MOST_RUNS, judge_streams, passes
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.recipe import Recipe
from orchestrator.domain.session import MULTI, Environment, PlannedSession, Session
from orchestrator.domain.streams_held import DOUBTFUL, StreamsRun, StreamsTried, read_run
from orchestrator.make.models import reference

TARGET_SHARE, TARGET_APART = 1 / 3, 1
TRUTH = 20
ROOT = Path(__file__).resolve().parents[1]
# Of a search that is taken a session at a time; it ends with what it found.
Steps = Generator[None, None, Bounds]


class Bench:
    """Sessions of one kind on this machine; ``spent_s`` is the time that they took."""

    def __init__(self, root: Path, spec: wire.RunSpec) -> None:
        self._root, self._spec = root, spec
        self.environment = Environment("here", "here", "0" * 64, "local", probe(str(root)))
        self.spent_s, self.sessions = 0.0, 0

    def run(self, streams: int, number: int) -> StreamsRun:
        spec = replace(self._spec, session_id=f"s{self.sessions}", streams=streams, seed=number)
        self.sessions += 1
        begun_s = time.monotonic()
        argv = [sys.executable, "-m", "agents", "run", "--root", str(self._root)]
        text = json.dumps(strict_json.to_json(spec))
        done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False, cwd=ROOT)
        result = strict_json.from_json(wire.RunResult, json.loads(done.stdout.splitlines()[-1])["data"]["result"])
        assert result.outcome == "ok", result.reason
        with np.load(self._root / "sessions" / spec.session_id / "arrays.npz", allow_pickle=False) as file:
            arrays = dict(file)
        self.spent_s += time.monotonic() - begun_s
        rate = spec.contract.sample_rate_hz
        session = Session(self._planned(spec), self.environment, "", 0.0, result, arrays)
        return read_run(session, rate, spec.chunk_samples * 1_000_000_000 // rate)

    def _planned(self, spec: wire.RunSpec) -> PlannedSession:
        candidate = Candidate(
            "bench", "0" * 64, Recipe.parse("onnx:fp32"), spec.runtime, spec.provider, 1, spec.chunk_samples
        )
        return PlannedSession("bench", "here", candidate, MULTI, 0, 0, spec.chunk_count, streams=spec.streams)


def show(what: str, tried: StreamsTried) -> None:
    rate = tried.miss_rate.value
    print(f"  {what} {tried.streams:4d} {tried.verdict:8} {len(tried.runs)} runs, miss rate {rate:.2%}", flush=True)


def search(bench: Bench, most_streams: int, servers: float) -> Steps:
    found = StreamsSearch(StreamsQuestion(most_streams, servers))
    while (streams := found.ask()) is not None:
        found.tell(bench.run(streams, found.runs_of(streams)))
        yield
        if found.ask() != streams:
            show("search", found.tried_of(streams))
    return bounds(found.tried, DEFAULT_BUDGET)


def exhaustive(bench: Bench, most_streams: int) -> Steps:
    """Every number from 1 up, until two in a row do not pass."""
    tried: list[StreamsTried] = []
    for streams in range(1, most_streams + 1):
        runs: list[StreamsRun] = []
        while True:
            runs.append(bench.run(streams, len(runs)))
            yield
            judged = judge_streams(streams, runs, DEFAULT_BUDGET, DEFAULT_MOST_RUNS)
            if judged.verdict != DOUBTFUL or len(runs) == DEFAULT_MOST_RUNS:
                break
        show("every ", judged)
        tried.append(judged)
        if not any(passes(one, DEFAULT_BUDGET) for one in tried[-2:]):
            break
    return bounds(tried, DEFAULT_BUDGET)


def in_turns(first: Steps, second: Steps) -> tuple[Bounds, Bounds]:
    """Both to their ends, one session of the first and three of the second in turn: they meet the same load."""
    found: dict[int, Bounds] = {}
    while len(found) < 2:
        for number, (steps, turns) in enumerate(((first, 1), (second, 3))):
            for _ in range(turns):
                try:
                    if number not in found:
                        next(steps)
                except StopIteration as end:
                    found[number] = end.value
    return found[0], found[1]


def echo_spec(root: Path, seconds: float) -> wire.RunSpec:
    chunk = 320
    options = {"sleep_us": "700", "service_us": "240"}
    spec = mlp_spec(chunk, int(seconds * 50), MULTI, audio=store_blob(root, noise_wav(root), ".wav"))
    model = root / "nothing.onnx"
    model.write_bytes(b"")
    return replace(
        spec, runtime="echo", provider="echo", model=store_blob(root, model, ".onnx"), session_options=options,
        sharing=wire.ONE_SESSION, sampler_hz=0.0, priority=wire.NICE,
    )  # fmt: skip


def kws_spec(root: Path, seconds: float) -> wire.RunSpec:
    contract = reference.load_contract("kws")
    return wire.RunSpec(
        session_id="kws",
        mode=MULTI,
        runtime="onnxruntime",
        provider="CPUExecutionProvider",
        model=store_blob(root, reference.onnx_path("kws"), ".onnx"),
        contract=contract,
        audio=store_blob(root, noise_wav(root), ".wav"),
        chunk_samples=contract.chunk_samples,
        chunk_count=int(seconds / contract.chunk_s()),
        priority=wire.NICE,
    )


def words(found: Bounds) -> str:
    end = "none shown to fail" if found.high is None else f"{found.high + 1} shown to fail"
    return f"{found.value} ({found.low} shown to hold, {end})"


def side_by_side(title: str, spec: Callable[[Path, float], wire.RunSpec], options: argparse.Namespace) -> None:
    print(title)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        first, second = (Bench(Path(root), spec(Path(root), options.seconds)) for root in (one, other))
        cores = len(first.environment.probe.cores) if title == "kws" else 1
        most = options.most_streams
        found, every = in_turns(search(first, most, cores), exhaustive(second, most))
    share, apart = first.spent_s / second.spent_s, abs(found.value - every.value)
    truth = f", truth {TRUTH}" if title == "echo" else ""
    print(f"{title}{truth}")
    for what, bench, of in (("search", first, found), ("every ", second, every)):
        print(f"  {what} {words(of)} in {bench.sessions} sessions, {bench.spent_s:.0f} s")
    print(f"  target time <= a third: {'met' if share <= TARGET_SHARE else 'missed'}, ratio {share:.2f}")
    print(f"  target within {TARGET_APART} of it: {'met' if apart <= TARGET_APART else 'missed'}, {apart} apart")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["echo", "kws"])
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--most-streams", type=int, default=200)
    options = parser.parse_args()
    for title, spec in (("echo", echo_spec), ("kws", kws_spec)):
        if options.only in (None, title):
            side_by_side(title, spec, options)


if __name__ == "__main__":
    main()
