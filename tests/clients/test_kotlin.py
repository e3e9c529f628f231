"""The Kotlin client on a JVM, all of it but the runtime: this process computes its graphs, with ONNX Runtime."""

import json
import subprocess
import wave
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import onnxruntime as ort
import pytest

from tests.clients.real import REAL
from tests.orchestrator.decide.bundle.cases import CASES, Case

Run = Callable[[dict[str, Any]], dict[str, Any]]


def answer(bundle: Path, fixed_rows: int | None) -> Callable[[str], Run]:
    """``fixed_rows``: the step graph refuses any other number of hypotheses, as one of fixed shapes does."""
    loaded: dict[str, Run] = {}

    def load(name: str) -> Run:
        session = ort.InferenceSession(str(bundle / name), providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]

        def run(inputs: dict[str, Any]) -> dict[str, Any]:
            if fixed_rows and "step" in name and {len(v) for v in inputs.values()} != {fixed_rows}:
                raise ValueError(f"{fixed_rows} rows, and no others")
            return dict(zip(names, session.run(names, inputs), strict=True))

        return run

    def graph(name: str) -> Run:
        if name not in loaded:
            loaded[name] = load(name)
        return loaded[name]

    return graph


def serve(reading: IO[bytes], writing: IO[bytes], graph: Callable[[str], Run]) -> list[dict[str, Any]]:
    """Computes what it is asked for (Piped.kt) until the events come."""
    while True:
        head = json.loads(reading.readline())
        if "events" in head:
            return list(head["events"])
        inputs = {}
        for spec in head["tensors"]:
            size = int(np.prod(spec["shape"])) * np.dtype(spec["dtype"]).itemsize
            inputs[spec["name"]] = np.frombuffer(reading.read(size), spec["dtype"]).reshape(spec["shape"])
        try:
            out = graph(head["graph"])(inputs)
        except ValueError as error:
            writing.write(json.dumps({"error": str(error)}).encode() + b"\n")
        else:
            specs = [{"name": n, "dtype": str(v.dtype), "shape": v.shape} for n, v in out.items()]
            writing.write(json.dumps({"tensors": specs}).encode() + b"\n")
            for values in out.values():
                writing.write(np.ascontiguousarray(values).tobytes())
        writing.flush()


def heard_by_kotlin(jar: list[str], case: Case, fixed_rows: int | None = None) -> list[dict[str, Any]]:
    samples = case.audio.with_suffix(".raw")
    with wave.open(str(case.audio)) as audio:
        samples.write_bytes(audio.readframes(audio.getnframes()))
    argv = [*jar, str(samples), str(case.bundle), *([str(case.words)] if case.words else [])]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        events = serve(process.stdout, process.stdin, answer(case.bundle, fixed_rows))
    assert process.returncode == 0
    return events


def check(heard: list[dict[str, Any]], case: Case, *, scores: bool) -> None:
    assert [e["label"] for e in heard] == [e["label"] for e in case.events]
    assert [e["timeS"] for e in heard] == pytest.approx(case.times_s)
    if scores:
        assert [e["score"] for e in heard] == pytest.approx([e["score"] for e in case.events], abs=1e-3)
    for told, event in zip(heard, case.events, strict=True):
        words = event.get("words", [])
        assert [word for word, _ in told["words"]] == [w["word"] for w in words]
        assert [share for _, share in told["words"]] == pytest.approx([w["score"] for w in words], abs=1e-3)


@pytest.mark.parametrize("name", [*CASES, *REAL])
def test_it_hears_what_the_agent_hears(tmp_path: Path, kotlin: list[str], name: str) -> None:
    case = {**CASES, **REAL}[name](tmp_path)
    # The agent's score of a keyword is the greatest while it is not told again; the client tells at once.
    check(heard_by_kotlin(kotlin, case), case, scores=name != "keyword")


@pytest.mark.parametrize(("name", "rows"), [("rnnt-beam", 4), ("trie", 16)])
def test_a_step_of_fixed_shapes_computes_its_whole_batch(
    tmp_path: Path, kotlin: list[str], name: str, rows: int
) -> None:
    case = CASES[name](tmp_path)
    check(heard_by_kotlin(kotlin, case, fixed_rows=rows), case, scores=True)
