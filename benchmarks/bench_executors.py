"""What the farm's queue costs per session: in process on a file, and by Procrastinate on a PostgreSQL.

Both do the same plan: 20 devices with 20 sessions each, of known lengths about a second, in rounds that alternate
between the executors, so that both meet the same noise. The PostgreSQL is as durable as a farm's. ``between_ms``: of a
device, from the end of one session to the beginning of the next: its end is told, the next one is begun. ``woken_ms``:
from before a submit to the first beginning on a device of a worker that had nothing to do. ``overhead_ms``: what the
whole plan took beyond its sessions, per session of a device. ``controller_cpu_ms``: of the worker, per session. Prints
JSON; exits with 1 where Procrastinate's overhead is not below 100 ms.
"""

import itertools
import json
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.postgres import durable_postgres
from orchestrator.domain.job import SESSION, Job, JobState, Outcome, device_queue
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.orders import Order, jobs
from orchestrator.ledger.workers import begin_worker
from orchestrator.measure.farm.executor.base import Executor, Stop
from orchestrator.measure.farm.executor.in_process import InProcess
from orchestrator.measure.farm.executor.procrastinate import Procrastinate

# A flat-out session of a small model takes a second. Lengths differ: devices do not end their sessions all at once.
DEVICES, SESSIONS, SHORTEST_S, LONGEST_S, ROUNDS = 20, 20, 0.5, 1.5, 4
MOST_MS = 100.0
QUEUES = [device_queue(f"d{number}") for number in range(DEVICES)]


@dataclass
class Measured:
    """All in seconds. ``sessions`` of one round: (queue, begin, end)."""

    between_s: list[float] = field(default_factory=list)
    woken_s: list[float] = field(default_factory=list)
    overhead_s: list[float] = field(default_factory=list)
    submit_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)

    def add(self, submitted_s: float, told_s: float, sessions: Sequence[tuple[str, float, float]]) -> None:
        self.submit_s.append(told_s - submitted_s)
        for queue in QUEUES:
            mine = sorted((begin_s, end_s) for name, begin_s, end_s in sessions if name == queue)
            self.woken_s.append(mine[0][0] - submitted_s)
            self.between_s += [begin_s - end_s for (_, end_s), (begin_s, _) in itertools.pairwise(mine)]
            took_s = sum(end_s - begin_s for begin_s, end_s in mine)
            self.overhead_s.append((mine[-1][1] - submitted_s - took_s) / len(mine))

    def told(self) -> dict[str, float]:
        between = statistics.quantiles(self.between_s, n=20)
        return {
            "between_ms": statistics.median(self.between_s) * 1e3,
            "between_p95_ms": between[-1] * 1e3,
            "woken_ms": statistics.median(self.woken_s) * 1e3,
            "submit_ms": statistics.median(self.submit_s) * 1e3,
            "overhead_ms": statistics.mean(self.overhead_s) * 1e3,
            "controller_cpu_ms": statistics.mean(self.cpu_s) * 1e3,
        }


def a_round(ledger: Ledger, executor: Executor, number: int, measured: Measured) -> None:
    """A worker that has nothing to do yet; then a part of the plan is submitted."""
    sessions: list[tuple[str, float, float]] = []
    plan = [
        Job(f"{number} {queue} {position}", f"{number}", SESSION, queue, "bench", position=position)
        for queue in QUEUES
        for position in range(SESSIONS // ROUNDS)
    ]
    lengths_s = {job.job_id: random.Random(job.job_id).uniform(SHORTEST_S, LONGEST_S) for job in plan}
    every = threading.Event()

    def session(begun: JobState, stop: Stop) -> Outcome:
        begin_s = time.perf_counter()
        time.sleep(lengths_s[begun.job.job_id])
        sessions.append((begun.job.queue, begin_s, time.perf_counter()))
        if len(sessions) == len(plan):
            every.set()
        return Outcome()

    stop, worker_id = threading.Event(), begin_worker(ledger, "bench", "bench", {})
    worker = threading.Thread(target=executor.serve, args=(worker_id, QUEUES, {SESSION: session}, stop))
    worker.start()
    time.sleep(1.0)
    cpu_s, submitted_s = time.process_time(), time.perf_counter()
    executor.submit(Order(f"{number}", "bench", "run", "bench"), plan)
    told_s = time.perf_counter()
    every.wait()
    measured.cpu_s.append((time.process_time() - cpu_s) / len(plan))
    stop.set()
    worker.join()
    measured.add(submitted_s, told_s, sessions)


def main() -> None:
    seen: dict[str, Measured] = {}
    with ExitStack() as stack:
        folders = {name: Path(stack.enter_context(tempfile.TemporaryDirectory())) for name in ("file", "farm")}
        (folders["farm"] / "ledger.url").write_text(stack.enter_context(durable_postgres()).empty())
        ledgers = {name: stack.enter_context(Ledger.open(at / "ledger.db")) for name, at in folders.items()}
        executors: dict[str, tuple[Ledger, Executor]] = {
            "in_process": (ledgers["file"], InProcess(ledgers["file"])),
            "procrastinate": (ledgers["farm"], Procrastinate(ledgers["farm"])),
        }
        for number in range(ROUNDS):
            for name, (ledger, executor) in executors.items():
                a_round(ledger, executor, number, seen.setdefault(name, Measured()))
        for ledger, _ in executors.values():
            assert [(each.state, each.attempts) for each in jobs(ledger)] == [("done", 1)] * DEVICES * SESSIONS
    told = {name: measured.told() for name, measured in seen.items()}
    overheads = {name: each["overhead_ms"] for name, each in told.items()}
    ratio = overheads["procrastinate"] / overheads["in_process"]
    plan = {"devices": DEVICES, "sessions_each": SESSIONS, "session_s": [SHORTEST_S, LONGEST_S]}
    print(json.dumps({**plan, **told, "overhead_ratio": ratio, "most_ms": MOST_MS}, indent=2))
    if overheads["procrastinate"] >= MOST_MS:
        sys.exit(1)


if __name__ == "__main__":
    main()
