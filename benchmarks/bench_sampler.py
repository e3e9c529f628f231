"""What the sampler costs beside a session: its CPU time as a share of one core, at 10 Hz, and what it read.

A process of its own without numpy reads this machine's sensors, as agents/sampler.py does on a device.

    python benchmarks/bench_sampler.py [--hz 10] [--seconds 20]
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from agents.sampler import read_samples

TARGET_SHARE = 0.01
ROOT = Path(__file__).resolve().parents[1]
_CHILD = "import sys; from agents.sampler import main; main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), 0, 0)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hz", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "samples")
        argv = [sys.executable, "-c", _CHILD, path, str(os.getpid()), str(asked.hz)]
        # It ends with its stdin.
        with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE) as child:
            time.sleep(asked.seconds)
            assert child.stdin is not None
            child.stdin.close()
            child.wait()
        samples = read_samples(path)
    assert samples.cpu_share is not None
    times, series = samples.series["sample_t_ns"], len(samples.series)
    rate_hz = (len(times) - 1) / ((times[-1] - times[0]) / 1e9)
    print(f"{len(times)} sweeps of {series} series, {rate_hz:.1f} per s")
    verdict = "met" if samples.cpu_share < TARGET_SHARE else "MISSED"
    print(f"{100 * samples.cpu_share:.2f} % of one core; target < {100 * TARGET_SHARE:g} %: {verdict}")


if __name__ == "__main__":
    main()
