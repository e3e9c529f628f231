"""Nights of plans: the newest state of each, and the last that was complete."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.domain.night import Missing, NightRecord
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.nights import last_success, nights, record_night

pytestmark = pytest.mark.usefixtures("both_stores")

NIGHT = NightRecord("desk", "2026-11-20", "2026-11-20T22:00:00+00:00", "2026-11-20T23:00:00+00:00", 40)


def test_a_night_is_kept_in_its_newest_state(tmp_path: Path) -> None:
    ended = replace(NIGHT, finished_utc="2026-11-20T23:01:00+00:00", finished_sessions=40, verdicts={"suspect": 2})
    short = replace(ended, at="2026-11-21", missing=(Missing("pi5", "no route to host"),))
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        assert last_success(ledger, "desk") is None
        record_night(ledger, NIGHT)
        assert (nights(ledger), last_success(ledger, "desk")) == ([NIGHT], None)
        record_night(ledger, short)
        record_night(ledger, ended)
        record_night(ledger, replace(NIGHT, plan="phones"))
        assert nights(ledger, "desk") == [ended, short]
        assert len(nights(ledger)) == 3
        assert last_success(ledger, "desk") == ended


def test_a_night_counts_from_zero_and_by_known_verdicts() -> None:
    with pytest.raises(ValueError, match="counted from 0"):
        replace(NIGHT, failed_sessions=-1)
    with pytest.raises(ValueError, match="verdicts must be of"):
        replace(NIGHT, verdicts={"bad": 1})
