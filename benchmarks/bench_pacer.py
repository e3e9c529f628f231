"""How late the paced mode issues its chunks, beside a naive ``time.sleep(C - elapsed)`` loop, and what it costs.

A real session of the agent (process, sampler, ONNX Runtime) alternates with the naive loop around the same model in a
process of its own. Lateness is issue minus s_k = max(intended arrival, previous done). Run it on a machine that does
nothing else; the share of other load that the agent saw is printed with the figures. Where others are at work,
``chrt -f 10 python benchmarks/bench_pacer.py`` (root) takes a core from them and stands for an idle one.

    python benchmarks/bench_pacer.py [--rounds 3] [--chunks 500] [--chunk-ms 20]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from bench_agent_loop import RATE_HZ, mlp_spec, noise_wav, store_blob, write_mlp

from agents import strict_json, wire
from agents.backends.onnxruntime import OnnxRuntimeBackend

TARGET_P99_MS, TARGET_SHARE = 1.0, 0.03
ROOT = Path(__file__).resolve().parents[1]


def naive(model: Path, chunk_samples: int, chunks: int) -> list[int]:
    """Lateness in ns of a loop that sleeps away the rest of each chunk, against the same intended arrivals."""
    backend = OnnxRuntimeBackend(mlp_spec(chunk_samples, chunks, "paced"), str(model))
    backend.first_run()
    backend.bind()
    period_s, issues, done = chunk_samples / RATE_HZ, np.zeros(chunks, np.int64), np.zeros(chunks, np.int64)
    begun = time.monotonic_ns()
    time.sleep(period_s)
    for k in range(chunks):
        started = time.monotonic_ns()
        issues[k] = started
        backend.step()
        done[k] = time.monotonic_ns()
        time.sleep(max(0.0, period_s - (done[k] - started) / 1e9))
    return lateness(issues, done, begun, chunk_samples)


def lateness(issues: np.ndarray, done: np.ndarray, start_ns: int, chunk_samples: int) -> list[int]:
    """Issue minus s_k, in ns."""
    arrivals = start_ns + (np.arange(len(issues)) + 1) * chunk_samples * 1_000_000_000 // RATE_HZ
    free = np.concatenate([[arrivals[0]], done[:-1]])
    return [int(v) for v in issues - np.maximum(arrivals, free)]


def session(root: Path, number: int, chunk_samples: int, chunks: int) -> tuple[wire.RunResult, list[int]]:
    """One paced session of the agent, its lateness in ns."""
    spec = mlp_spec(
        chunk_samples,
        chunks,
        "paced",
        session_id=f"pacer-{number}",
        model=store_blob(root, write_mlp(root, chunk_samples), ".onnx"),
        audio=store_blob(root, noise_wav(root), ".wav"),
        sampler_hz=10.0,
    )
    argv = [sys.executable, "-m", "agents", "run", "--root", str(root)]
    text = json.dumps(strict_json.to_json(spec))
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=True, cwd=ROOT)
    result = strict_json.from_json(wire.RunResult, json.loads(done.stdout.splitlines()[-1])["data"]["result"])
    with np.load(root / "sessions" / spec.session_id / "arrays.npz", allow_pickle=False) as arrays:
        t_ns = arrays["t_ns"]
    first = int(t_ns[0, wire.ARRIVAL]) - chunk_samples * 1_000_000_000 // RATE_HZ
    return result, lateness(t_ns[:, wire.ISSUE], t_ns[:, wire.DONE], first, chunk_samples)


def figures(name: str, values_ns: list[int]) -> float:
    p50, p99, most = np.percentile(np.array(values_ns) / 1e6, [50, 99, 100])
    print(f"  {name:<8} lateness p50 {p50:8.3f} ms  p99 {p99:8.3f} ms  max {most:8.3f} ms")
    return float(p99)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--chunks", type=int, default=500)
    parser.add_argument("--chunk-ms", type=int, default=20)
    parser.add_argument("--naive", help=argparse.SUPPRESS)
    options = parser.parse_args()
    size = options.chunk_ms * RATE_HZ // 1000
    if options.naive:
        print(json.dumps(naive(Path(options.naive), size, options.chunks)))
        return
    p99s, naive_p99s, shares = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        model = write_mlp(root, size)
        for number in range(options.rounds):
            result, late_ns = session(root, number, size, options.chunks)
            argv = [sys.executable, __file__, "--naive", str(model), "--chunks", str(options.chunks)]
            argv += ["--chunk-ms", str(options.chunk_ms)]
            done = subprocess.run(argv, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT)})
            assert result.observer is not None
            assert result.after is not None
            shares.append(result.observer.harness_cpu_share or 0.0)
            load = result.after.background_cpu_share
            print(f"round {number + 1}: others used {'?' if load is None else f'{load:.0%}'} of all cores")
            p99s.append(figures("agent", late_ns))
            naive_p99s.append(figures("naive", json.loads(done.stdout)))
            sampler_s = result.observer.sampler_cpu_s
            print(f"  harness  {shares[-1]:.2%} of a core, of it the sampler {sampler_s:.3f} CPU s")
    p99, naive_p99, share = (float(np.median(v)) for v in (p99s, naive_p99s, shares))
    print(f"median of rounds: p99 {p99:.3f} ms against {naive_p99:.3f} ms naive, ratio {p99 / naive_p99:.4f}")
    print(f"target lateness p99 < {TARGET_P99_MS} ms: {'met' if p99 < TARGET_P99_MS else 'missed'}")
    print(f"target harness share < {TARGET_SHARE:.0%}: {'met' if share < TARGET_SHARE else 'missed'} ({share:.2%})")


if __name__ == "__main__":
    main()
