"""``onnxruntime_perf_test``: a first inference, then the runs, with percentiles in s.

Format: microsoft/onnxruntime onnxruntime/test/perftest (README.md, performance_result.cc). ``-I`` makes the input
up, so that no test data need lie beside the model.
"""

import re

from orchestrator.domain.native import ClosedLoop

_S, _MS = 1e9, 1e6
_AVERAGE = re.compile(r"Average inference time cost(?: total)?: ([0-9.eE+-]+) ms")
_RUNS = re.compile(r"(?:Total inference requests: |Runs:)(\d+)")
_FIRST = re.compile(r"First inference time cost: ([0-9.eE+-]+) ms")
_LOAD = re.compile(r"Session creation time cost: ([0-9.eE+-]+) s")
_MEMORY = re.compile(r"Peak working set size: (\d+) bytes")


def arguments(model: str, threads: int, runs: int) -> list[str]:
    return ["-I", "-m", "times", "-r", str(runs), "-x", str(threads), "-s", model]


def parse(stdout: str, stderr: str) -> ClosedLoop:
    text = f"{stdout}\n{stderr}"
    average, runs = _AVERAGE.search(text), _RUNS.search(text)
    if average is None or runs is None:
        raise ValueError("no line 'Average inference time cost': is this onnxruntime_perf_test?")
    memory = _MEMORY.search(text)
    return ClosedLoop(
        runs=int(runs.group(1)),
        mean_ns=float(average.group(1)) * _MS,
        min_ns=_latency(text, "Min"),
        max_ns=_latency(text, "Max"),
        p50_ns=_latency(text, "P50"),
        p90_ns=_latency(text, "P90"),
        p95_ns=_latency(text, "P95"),
        p99_ns=_latency(text, "P99"),
        load_ns=_value(_LOAD, text, _S),
        first_ns=_value(_FIRST, text, _MS),
        peak_memory_bytes=int(memory.group(1)) if memory else None,
    )


def _latency(text: str, which: str) -> float | None:
    return _value(re.compile(rf"{which} Latency: ([0-9.eE+-]+) s"), text, _S)


def _value(pattern: re.Pattern[str], text: str, unit: float) -> float | None:
    found = pattern.search(text)
    return float(found.group(1)) * unit if found else None
