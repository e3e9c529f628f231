"""Streams and heat of other studies of the same model on the same device, as figures of a decision."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.objective import Objective
from orchestrator.domain.study import Study
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.streams import record_streams_held
from orchestrator.workflows.again import decide_again
from orchestrator.workflows.elsewhere import measured_elsewhere, needs
from tests.orchestrator.domain.test_heat import QUICK, STEADY, course
from tests.orchestrator.ledger.test_streams import held
from tests.orchestrator.workflows.test_heat import known, of_study
from tests.sessions import race


def searched(ledger: Ledger, study_id: str, key: str, at_utc: str, low: int) -> None:
    ledger.begin_study(Study(study_id, "synthetic", "bench", at_utc, {"workflow": "run", "of": study_id}))
    found = held(
        study_id, device="bench", model="synthetic", candidate_key=key, at_utc=at_utc, value=low, low=low, most=9
    )
    record_streams_held(ledger, found)


def test_the_newest_search_and_all_sustained_sessions_count(tmp_path: Path) -> None:
    long = of_study(1, course(QUICK, 3.0, 6.0, seed=0)), of_study(2, course(QUICK, 3.0, 6.0, seed=4))
    with known(tmp_path, *long) as ledger:
        searched(ledger, "first", STEADY.key, "2026-01-03T00:00:00+00:00", 2)
        searched(ledger, "second", STEADY.key, "2026-01-04T00:00:00+00:00", 5)
        found = measured_elsewhere(ledger, "synthetic", "bench")
        assert measured_elsewhere(ledger, "synthetic", "other") == {}
    streams, heat = found[STEADY.key]["streams_held"], found[QUICK.key]["sustained_ratio"]
    assert (streams.value, streams.low, streams.high, streams.basis) == (5.0, 5.0, 9.0, "sessions")
    assert "searched 2026-01-04: processes, 1 % of chunks late after 20 ms" in str(streams.reason)
    assert heat.value == pytest.approx(2.0, rel=0.1)
    assert (heat.n, heat.basis) == (2, "sessions")
    assert "less than 15 tell little of heat" in str(heat.reason)
    assert "streams_held" not in found[QUICK.key]


def test_select_holds_a_limit_against_them(tmp_path: Path) -> None:
    study = Study("tuned", "synthetic", "bench", "2026-01-05T00:00:00+00:00", {"workflow": "tune"})
    with known(tmp_path) as ledger:
        ledger.begin_study(study)
        for one in race(STEADY) + race(QUICK, service_ms=1.0):
            ledger.record_session(replace(one, planned=replace(one.planned, study_id="tuned")))
        searched(ledger, "streams", STEADY.key, "2026-01-06T00:00:00+00:00", 5)
    asked = Constraints(max_quality_loss=None, min_streams=4)
    found = decide_again(tmp_path, None, Objective(), asked)
    assert found.winner == STEADY.key
    assert "--mode multi" in found.of(QUICK.key).reason
    assert found.cold_and_hot is not None
    assert found.cold_and_hot.said.startswith("not known: no session of 3 minutes or more")
    assert decide_again(tmp_path, None, Objective(), replace(asked, min_streams=6)).verdict == "infeasible"


def test_a_study_s_own_figures_need_nothing_from_elsewhere() -> None:
    assert not needs(Objective("latency=1,energy=1"), Constraints(max_p99_ms=5))
    assert needs(Objective("streams=1"), Constraints())
    assert needs(Objective(), Constraints(max_sustained=1.2))
