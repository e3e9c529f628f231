"""Stand-ins for the three tools: shell scripts that print the documented format with figures of our own.

The genuine programs cannot be had here: no wheel (ai-edge-litert, executorch, onnxruntime), Debian package
(onnxruntime-tools holds a Python script) or npm package has them. Formats: tensorflow/lite/tools/benchmark; pytorch/
executorch executor_runner.cpp; microsoft/onnxruntime test/perftest.
"""

from pathlib import Path

BENCHMARK_MODEL = """\
INFO: STARTING!
INFO: Log parameter values verbosely: [0]
INFO: Num threads: [2]
INFO: Loaded model some.tflite
INFO: The input model file size (MB): 1.25
INFO: Initialized session in 12.5ms.
INFO: Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 600 seconds.
INFO: count=40 first=9000 curr=3100 min=3000 max=9000 avg=3500 std=900 p5=3010 median=3100 p95=4000

INFO: Running benchmark for at least 200 iterations and at least 0 seconds but terminate if exceeding 600 seconds.
INFO: count=200 first=3050 curr=3000 min=2900 max=5600 avg=3.1e+03 std=150 p5=2950 median=3040 p95=3500

INFO: Inference timings in us: Init: 12500, First inference: 9000, Warmup (avg): 3500, Inference (avg): 3.1e+03
INFO: Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE.
INFO: Memory footprint delta from the start of the tool (MB): init=4.5 overall=20.5
"""
# Without p5, median and p95, without a log's prefix, as in 2020.
OLD_BENCHMARK_MODEL = """\
Initialized session in 20ms.
count=2 first=340000 curr=266000 min=266000 max=340000 avg=303000 std=37000
count=50 first=266500 curr=266900 min=265800 max=268100 avg=266400 std=420
Inference timings in us: Init: 20000, First inference: 340000, Warmup (avg): 303000, Inference (avg): 266400
Peak memory footprint (MB): init=5 overall=138.5
"""
EXECUTOR_RUNNER = """\
I 00:00:00.001000 executorch:executor_runner.cpp:200] Model file model.pte is loaded.
I 00:00:00.001100 executorch:executor_runner.cpp:210] Using method forward
I 00:00:00.002000 executorch:executor_runner.cpp:270] Inputs prepared.
I 00:00:00.622000 executorch:executor_runner.cpp:300] Model executed successfully 200 time(s) in 620.000000 ms.
I 00:00:00.622100 executorch:executor_runner.cpp:310] 1 outputs:
"""
ONNXRUNTIME_PERF_TEST = """\
Setting intra_op_num_threads to 2
Session creation time cost: 0.0125 s
First inference time cost: 9 ms
Total inference time cost: 0.62 s
Total inference requests: 200
Average inference time cost total: 3.100000 ms
Total inference run time: 0.63 s
Number of inferences per second: 317.4
Avg CPU usage: 50 %
Peak working set size: 20500000 bytes
Avg CPU usage:50
Peak working set size:20500000
Runs:200
Min Latency: 0.0029 s
Max Latency: 0.0056 s
P50 Latency: 0.00304 s
P90 Latency: 0.0033 s
P95 Latency: 0.0035 s
P99 Latency: 0.005 s
P999 Latency: 0.0056 s
"""
OUTPUT = {
    "benchmark_model": BENCHMARK_MODEL,
    "executor_runner": EXECUTOR_RUNNER,
    "onnxruntime_perf_test": ONNXRUNTIME_PERF_TEST,
}


def stand_in(folder: Path, tool: str, *, then: str = "exit 0") -> Path:
    """A program that keeps its arguments beside itself, prints what ``tool`` would, and does ``then``."""
    path = folder / tool
    output = OUTPUT[tool].replace("'", "'\\''")
    path.write_text(
        "#!/bin/sh\n# A stand-in: prints the tool's format, measures nothing.\n"
        'printf "%s\\n" "$@" > "$(dirname "$0")/arguments"\n'
        'printf "%s\\n" "$LD_LIBRARY_PATH" > "$(dirname "$0")/library_path"\n'
        f"printf '%s' '{output}'\n{then}\n"
    )
    return path
