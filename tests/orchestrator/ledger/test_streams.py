"""How many streams a device holds: what was found is kept, found again, and newer beside older."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.domain.streams_held import HOLDS, StreamsHeld, StreamsRun, StreamsTried
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.streams import record_streams_held, streams_held
from orchestrator.statistics.interval import Interval
from tests.orchestrator.ledger import ledger_samples as samples

pytestmark = pytest.mark.usefixtures("both_stores")

RUNS = tuple(StreamsRun(f"s{n}", 4, 1000, n, False, 0.8, 5.0, 9.5) for n in range(2))
TRIED = StreamsTried(4, HOLDS, Interval(0.0005, 0.0, 0.004, 2, 0.9875), RUNS)


def held(study_id: str, **changes: object) -> StreamsHeld:
    found = StreamsHeld(
        study_id, "pi5", "2026-11-21T12:00:00+00:00", "kws", "key", "onnx:fp32 CPU 1t", "a" * 64, "processes",
        10.0, 0.01, 20.0, 4, 4, None, 4, "--max-streams", (TRIED,), ("3 streams failed, but 4 were held",),
    )  # fmt: skip
    return replace(found, **changes)  # type: ignore[arg-type]


def test_what_was_found_is_found_again(tmp_path: Path) -> None:
    study = samples.study()
    newer = replace(study, study_id="newer", settings={"other": 1})
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger.begin_study(study)
        ledger.begin_study(newer)
        record_streams_held(ledger, held("newer", at_utc="2026-11-22T12:00:00+00:00"))
        record_streams_held(ledger, held(study.study_id))
        assert [one.study_id for one in streams_held(ledger)] == [study.study_id, "newer"]
        assert streams_held(ledger, "pi5", "kws")[0] == held(study.study_id)
        assert streams_held(ledger, "desk") == streams_held(ledger, "pi5", "silero") == []
        # The same study once more: what it found last stays.
        record_streams_held(ledger, held(study.study_id, value=4, low=3))
        assert [one.low for one in streams_held(ledger)] == [3, 4]
