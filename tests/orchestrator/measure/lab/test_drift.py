"""Drift: found where a device became another one, and not where it only wanders."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from orchestrator.domain.candidate import Candidate
from orchestrator.domain.session import Session
from orchestrator.ledger.health import health_of, release_quarantine
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.lab.drift import FEWEST_BEFORE, drift, quarantine_if_drifted
from tests.sessions import STUDY, artifact, candidate, session


@pytest.mark.parametrize(
    ("before", "latest", "factor"),
    [
        ([1.0] * 8, [2.0, 2.5, 3.0], 2.0),
        ([1.0] * 8, [0.2, 0.5, 0.4], 0.5),
        ([1.0] * 8, [1.9, 2.5, 3.0], None),
        ([1.0] * 8, [2.5, 0.4, 3.0], None),
        ([1.0] * 7, [3.0] * 3, None),
        ([1.0] * 8, [3.0] * 2, None),
        ([1.0] * 5 + [9.0] * 3, [2.0] * 3, 2.0),
    ],
)
def test_only_all_of_the_latest_against_enough_before(
    before: Sequence[float], latest: Sequence[float], factor: float | None
) -> None:
    assert drift(before, latest) == factor


def recorded(of: Candidate, number: int, service_ms: float, device: str = "bench") -> Session:
    made = session(of, "flat-out", number, service_ms=service_ms, chunks=50)
    planned = replace(made.planned, device=device)
    result = replace(made.result, session_id=planned.session_id)
    return replace(made, planned=planned, result=result, started_utc=f"2026-01-01T{number:02}:00:00+00:00")


def test_a_device_that_became_slower_goes_into_quarantine_with_the_figures(tmp_path: Path) -> None:
    of, other = candidate(), candidate(threads=2)
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger.begin_study(STUDY)
        ledger.record_artifact(artifact())
        for number in range(FEWEST_BEFORE):
            ledger.record_session(recorded(of, number, 2.0 + 0.1 * np.sin(number)))
            ledger.record_session(recorded(other, number, 9.0))
        for number in range(FEWEST_BEFORE, FEWEST_BEFORE + 3):
            assert quarantine_if_drifted(ledger, "bench") is None
            ledger.record_session(recorded(of, number, 5.0))
        found = quarantine_if_drifted(ledger, "bench")
        assert found is not None
        assert found == health_of(ledger, "bench")
        assert "its last 3 flat-out sessions of onnx:fp32 took 2." in str(found.reason)
        assert "times as long as the 8 before them" in str(found.reason)
        assert quarantine_if_drifted(ledger, "bench") is None, "once is enough"
        assert quarantine_if_drifted(ledger, "other") is None
        assert release_quarantine(ledger, "bench", "new fan")
