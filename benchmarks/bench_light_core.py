"""The light core: how large its environment is, and how soon ``earshot --help`` answers.

The environment is made anew in a temporary folder by one ``pip install`` of this checkout. The command is compared with
what it would be if it imported its libraries first, as command lines usually do, in turn in one run.

    python benchmarks/bench_light_core.py
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
LARGEST_MB, LONGEST_S = 500, 0.3
EAGER = (
    "import click, numpy, onnx, onnxruntime, ai_edge_litert.interpreter, pandas, paramiko, rich, soundfile, "
    "sqlalchemy, altair"
)
ROUNDS = 11


def seconds(argv: Sequence[str | Path]) -> float:
    began_s = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began_s


def size_mb(folder: Path) -> float:
    return sum(p.stat().st_blocks * 512 for p in folder.rglob("*") if not p.is_symlink()) / 1e6


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="earshot-bench-") as scratch:
        environment = Path(scratch) / "venv"
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        python, earshot = environment / "bin" / "python", environment / "bin" / "earshot"
        install_s = seconds([python, "-m", "pip", "install", "--quiet", CHECKOUT])
        seconds([earshot, "--help"])
        seconds([python, "-c", EAGER])
        lazy, eager = [], []
        for _ in range(ROUNDS):
            lazy.append(seconds([earshot, "--help"]))
            eager.append(seconds([python, "-c", EAGER]))
        help_s, eager_s, mb = statistics.median(lazy), statistics.median(eager), size_mb(environment)
    print(f"light core: {mb:.0f} MB ({mb / LARGEST_MB:.2f} of {LARGEST_MB} MB), installed in {install_s:.0f} s")
    print(
        f"earshot --help: {help_s * 1e3:.0f} ms ({help_s / LONGEST_S:.2f} of {LONGEST_S} s), "
        f"{help_s / eager_s:.3f} of importing its libraries first ({eager_s * 1e3:.0f} ms)"
    )
    return int(mb > LARGEST_MB or help_s > LONGEST_S)


if __name__ == "__main__":
    raise SystemExit(main())
