"""Closed-loop sessions have a table of their own."""

from pathlib import Path

import pytest

from orchestrator.domain.native import ClosedLoop, NativeSession
from orchestrator.errors import LedgerError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.native import native_sessions, record_native
from orchestrator.ledger.queries import sessions_frame
from tests.orchestrator.ledger.ledger_samples import environment

pytestmark = pytest.mark.usefixtures("both_stores")


def native(session_id: str = "n1", device: str = "pixel-8", **changes: object) -> NativeSession:
    values = {"times": ClosedLoop(200, 3.1e6, p50_ns=3.0e6), "reason": None, **changes}
    return NativeSession(
        session_id=session_id,
        tool="benchmark_model",
        tool_sha256="a" * 64,
        model="kws.tflite",
        model_sha256="b" * 64,
        threads=1,
        arguments=("--num_runs=200",),
        device=device,
        device_model="pixel-8",
        transport="adb",
        probe=environment().probe,
        started_utc=f"2026-11-21T04:00:0{session_id[-1]}+00:00",
        duration_s=1.5,
        libraries={"libx.so": "c" * 64},
        **values,  # type: ignore[arg-type]
    )


def test_they_come_back_as_they_were_and_in_no_ranking(tmp_path: Path) -> None:
    failed = native("n2", "other", times=None, reason="it was killed")
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        record_native(ledger, native())
        record_native(ledger, failed)
        assert native_sessions(ledger) == [native(), failed]
        assert native_sessions(ledger, "other") == [failed]
        assert sessions_frame(ledger).empty
        with pytest.raises(LedgerError):
            record_native(ledger, native())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"times": None}, "either times, or the reason"),
        ({"reason": "x"}, "either times, or the reason"),
        ({"mode": "paced"}, "mode must be closed-loop"),
    ],
)
def test_what_cannot_be(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        native(**changes)


@pytest.mark.parametrize(("runs", "mean_ns"), [(0, 1.0), (1, -1.0), (1, float("nan")), (1, float("inf"))])
def test_times_that_cannot_be(runs: int, mean_ns: float) -> None:
    with pytest.raises(ValueError, match="must be"):
        ClosedLoop(runs, mean_ns)
