"""``benchmark_model`` of LiteRT (TensorFlow Lite): times in us, warm-up first, then the runs.

Format: ai.google.dev, LiteRT performance measurement; tensorflow/lite/tools/benchmark (README and
benchmark_model.cc). Lines may begin with a log's ``INFO: `` and, with newer ones, end with p5, median and p95.
"""

import re

from orchestrator.domain.native import ClosedLoop

_NUMBER = r"([0-9.eE+]+)"
_SUMMARY = re.compile(
    rf"Inference timings in us: Init: {_NUMBER}, First inference: {_NUMBER}, "
    rf"Warmup \(avg\): {_NUMBER}, Inference \(avg\): {_NUMBER}"
)
_COUNT = re.compile(r"\bcount=(\d+)((?: [a-z0-9]+=[0-9.eE+-]+)+)")
_MEMORY = re.compile(r"emory footprint[^\n]*\(MB\): init=[0-9.eE+-]+ overall=([0-9.eE+-]+)")
_US = 1e3
# Earshot says when it is enough: neither a least nor a longest duration of the tool's own.
_NO_LEAST_S, _LONGEST_S = "0", "600"


def arguments(model: str, threads: int, runs: int) -> list[str]:
    return [
        f"--graph={model}",
        f"--num_threads={threads}",
        f"--num_runs={runs}",
        f"--min_secs={_NO_LEAST_S}",
        f"--max_secs={_LONGEST_S}",
    ]


def parse(stdout: str, stderr: str) -> ClosedLoop:
    text = f"{stdout}\n{stderr}"
    summary, counts = _SUMMARY.search(text), _COUNT.findall(text)
    if summary is None or not counts:
        raise ValueError("no line 'Inference timings in us': is this benchmark_model?")
    init, first, warmup, mean = (float(value) * _US for value in summary.groups())
    runs, fields = counts[-1]
    told = {name: float(value) * _US for name, value in (pair.split("=") for pair in fields.split())}
    memory = _MEMORY.search(text)
    return ClosedLoop(
        runs=int(runs),
        mean_ns=mean,
        min_ns=told.get("min"),
        max_ns=told.get("max"),
        std_ns=told.get("std"),
        p50_ns=told.get("median"),
        p95_ns=told.get("p95"),
        load_ns=init,
        first_ns=first,
        warmup_mean_ns=warmup,
        peak_memory_bytes=round(float(memory.group(1)) * 2**20) if memory else None,
    )
