"""p99 of every session over 1,000,000 samples in 1,000 sessions: the ledger, and what a user would otherwise write.

The others keep one latency per sample, the ledger all five times of each chunk. All four answers must agree. The time
is the best of several: what else runs on the machine only adds to it.

python benchmarks/bench_ledger_p99.py [--sessions 1000] [--chunks 1000]
"""

import argparse
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from agents import wire  # noqa: E402
from orchestrator.ledger.ledger import Ledger  # noqa: E402
from orchestrator.ledger.queries import percentile_per_session  # noqa: E402
from tests.orchestrator.ledger import ledger_samples as samples  # noqa: E402

LIMIT_S = 0.2
QUANTILE = 0.99
Times = dict[str, NDArray[np.int64]]
Answer = dict[str, float]


def latency_ns(times: NDArray[np.int64]) -> NDArray[np.int64]:
    return times[:, wire.DONE] - times[:, wire.ARRIVAL]


def write_ledger(folder: Path, times: Times) -> None:
    with Ledger.open(folder / "ledger.db") as ledger:
        ledger.begin_study(samples.study())
        ledger.record_artifact(samples.artifact(folder / "a.onnx"))
        for block, array in enumerate(times.values()):
            session = samples.session(samples.planned(block=block), chunk_count=1)
            session.arrays.clear()
            session.arrays["t_ns"] = array
            ledger.record_session(session)


def ask_ledger(folder: Path) -> Answer:
    with Ledger.open(folder / "ledger.db", create=False) as ledger:
        frame = percentile_per_session(ledger, "latency", QUANTILE)
    return dict(zip(frame.session_id, frame.value_ns, strict=True))


def write_sample_rows(folder: Path, times: Times) -> None:
    connection = sqlite3.connect(folder / "rows.db")
    with connection:
        connection.execute("CREATE TABLE samples (session TEXT, latency_ns INTEGER)")
        for name, array in times.items():
            rows = ((name, value) for value in latency_ns(array).tolist())
            connection.executemany("INSERT INTO samples VALUES (?, ?)", rows)
        connection.execute("CREATE INDEX samples_by_session ON samples (session, latency_ns)")
    connection.close()


def _grouped(frame: pd.DataFrame) -> Answer:
    ranked = frame.groupby("session").latency_ns.quantile(QUANTILE, interpolation="lower")
    return {str(name): float(value) for name, value in ranked.items()}


def ask_sample_rows(folder: Path) -> Answer:
    connection = sqlite3.connect(folder / "rows.db")
    frame = pd.read_sql("SELECT session, latency_ns FROM samples", connection)
    connection.close()
    return _grouped(frame)


def ask_sample_rows_sql(folder: Path) -> Answer:
    """The same in SQL alone: the value whose rank among its session's is ceil(n q)."""
    connection = sqlite3.connect(folder / "rows.db")
    ranked = (
        "SELECT session, latency_ns, row_number() OVER (PARTITION BY session ORDER BY latency_ns) AS place,"
        " count(*) OVER (PARTITION BY session) AS n FROM samples"
    )
    query = f"SELECT session, latency_ns FROM ({ranked}) WHERE place = CAST(n * ? + 0.999999 AS INTEGER)"
    found = connection.execute(query, (QUANTILE,)).fetchall()
    connection.close()
    return {name: float(value) for name, value in found}


def write_csv(folder: Path, times: Times) -> None:
    (folder / "csv").mkdir()
    for name, array in times.items():
        pd.DataFrame({"latency_ns": latency_ns(array)}).to_csv(folder / "csv" / f"{name}.csv", index=False)


def ask_csv(folder: Path) -> Answer:
    return {
        path.stem: float(pd.read_csv(path).latency_ns.quantile(QUANTILE, interpolation="lower"))
        for path in sorted((folder / "csv").iterdir())
    }


STORES: dict[str, tuple[Callable[..., None] | None, Callable[..., Answer], str, int]] = {
    "earshot ledger": (write_ledger, ask_ledger, "ledger.db", 9),
    "SQLite, a row per sample, SQL": (write_sample_rows, ask_sample_rows_sql, "rows.db", 2),
    "SQLite, a row per sample, pandas": (None, ask_sample_rows, "rows.db", 2),
    "a CSV file per session": (write_csv, ask_csv, "csv", 2),
}


def size_mb(path: Path) -> float:
    files = path.iterdir() if path.is_dir() else [path]
    return sum(f.stat().st_size for f in files) / 1e6


def seconds(action: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = action()
    return time.perf_counter() - started, result


def measure(folder: Path, times: Times) -> bool:
    expected: Answer | None = None
    ledger_s = 0.0
    for name, (write, ask, where, repeats) in STORES.items():
        written = "" if write is None else f"write {seconds(lambda w=write: w(folder, times))[0]:6.2f} s"
        asked = [seconds(lambda a=ask: a(folder)) for _ in range(repeats)]
        query_s = min(s for s, _ in asked)
        expected, ledger_s = expected or asked[0][1], ledger_s or query_s
        if asked[0][1] != expected:
            raise SystemExit(f"{name} answers otherwise than the ledger")
        ratio = f"{query_s / ledger_s:6.1f} x the ledger's time"
        print(f"{name:34s} p99 {query_s:7.3f} s  {ratio}  {size_mb(folder / where):6.1f} MB  {written}")
    verdict = "ok" if ledger_s < LIMIT_S else f"TOO SLOW (load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)"
    print(f"p99 from the ledger / limit of {LIMIT_S} s = {ledger_s / LIMIT_S:.2f}: {verdict}")
    return ledger_s < LIMIT_S


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--chunks", type=int, default=1000)
    chosen = parser.parse_args()
    names = (samples.planned(block=block).session_id for block in range(chosen.sessions))
    times = {name: samples.times(chosen.chunks, seed) for seed, name in enumerate(names)}
    print(f"{chosen.sessions * chosen.chunks} samples in {chosen.sessions} sessions")
    with tempfile.TemporaryDirectory() as folder:
        return 0 if measure(Path(folder), times) else 1


if __name__ == "__main__":
    raise SystemExit(main())
