"""A controller to be killed: records sessions 0..COUNT-1 of a study, those that are not there, and prints each id.

python -m tests.orchestrator.ledger.write_sessions LEDGER COUNT [FIRST_BLOCK]
"""

import sys
from pathlib import Path

from orchestrator.ledger.ledger import Ledger
from tests.orchestrator.ledger import ledger_samples as samples


def main(path: Path, count: int, first_block: int) -> None:
    with Ledger.open(path) as ledger:
        ledger.begin_study(samples.study())
        ledger.record_artifact(samples.artifact(path.parent / "a.onnx"))
        finished = ledger.finished_ids("s1")
        for block in range(first_block, first_block + count):
            session = samples.session(samples.planned(block=block), chunk_count=400, seed=block)
            if session.session_id not in finished:
                ledger.record_session(session)
                ledger.record_score(samples.score(session.session_id))
                sys.stdout.write(session.session_id + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 0)
