"""A worker that a test kills: python -m tests...serve FOLDER PLACE. It tells its first job, and never ends it."""

import sys
import threading
import time
from pathlib import Path

from orchestrator.domain.job import JobState, Outcome
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.workers import begin_worker
from orchestrator.measure.farm.executor.base import Stop
from orchestrator.measure.farm.executor.choice import executor_of
from tests.orchestrator.measure.farm.executor.work import FAST, PATIENCE_S, PI


def _never_ends(begun: JobState, stop: Stop) -> Outcome:
    sys.stdout.write(f"{begun.job.job_id}\n")
    sys.stdout.flush()
    time.sleep(PATIENCE_S)
    raise AssertionError("nobody killed this worker")


def main() -> None:
    folder, place = Path(sys.argv[1]), sys.argv[2]
    with Ledger.open(folder / "ledger.db") as ledger:
        worker_id = begin_worker(ledger, "berlin", place, {}, ttl_s=1.0)
        executor_of(ledger, FAST).serve(worker_id, [PI], {"session": _never_ends}, threading.Event())


if __name__ == "__main__":
    main()
