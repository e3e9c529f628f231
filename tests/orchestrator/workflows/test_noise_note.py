"""What a device can tell apart stands beside a decision on it."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.decide.selection.choose import decide
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.objective import Objective
from orchestrator.domain.calibration import Calibration, Noise
from orchestrator.domain.decision import Decision
from orchestrator.ledger.calibrations import record_calibration
from orchestrator.ledger.ledger import Ledger
from orchestrator.workflows.noise_note import noise_note
from tests import sessions

NOISE = Noise(2.0, 0.01, 0.014, 10, 0.0, 1.0, 0.99, 1.01)


def recorded(path: Path, *, mode: str = "paced") -> Decision:
    """A study of the default alone, four blocks of it."""
    of = sessions.candidate()
    made = [s for s in sessions.race(of) if s.planned.mode in ("placement", mode)]
    with Ledger.open(path) as ledger:
        ledger.begin_study(sessions.STUDY)
        ledger.record_artifact(sessions.artifact())
        for session in made:
            ledger.record_session(session)
    return decide(
        study=sessions.STUDY,
        sessions=made,
        artifacts=[sessions.artifact()],
        scores=[sessions.score(of)],
        objective=Objective(),
        constraints=Constraints(),
    )


def calibration(kernel: str = "6.1.0") -> Calibration:
    where = replace(sessions.ENVIRONMENT, probe=replace(sessions.PROBE, kernel=kernel))
    before = sessions.session(sessions.candidate()).result.before
    at = datetime.now(UTC).isoformat()
    return Calibration(
        f"c-{kernel}", "bench", at, "synthetic", "fp32", "paced", 5.0, where, before, "onnxruntime", None,
        {"latency_p99_ms": NOISE, "latency_p50_ms": NOISE},
    )  # fmt: skip


def test_an_uncalibrated_device_is_said_to_be_so(tmp_path: Path) -> None:
    decision = recorded(tmp_path / "ledger.db")
    assert noise_note(tmp_path / "ledger.db", decision) == (
        "what bench can tell apart is not known: earshot calibrate bench"
    )


def test_a_calibrated_one_tells_how_little_it_finds(tmp_path: Path) -> None:
    decision = recorded(tmp_path / "ledger.db")
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        record_calibration(ledger, calibration())
    note = noise_note(tmp_path / "ledger.db", decision)
    assert note is not None
    assert note.startswith("4 runs on bench find a difference in ")
    assert "stale" not in note


def test_a_stale_one_is_told(tmp_path: Path) -> None:
    decision = recorded(tmp_path / "ledger.db")
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        record_calibration(ledger, calibration("5.10"))
    assert "stale, kernel was 5.10, is 6.1.0: earshot calibrate bench" in str(
        noise_note(tmp_path / "ledger.db", decision)
    )


def test_where_nothing_was_raced_there_is_none(tmp_path: Path) -> None:
    assert noise_note(tmp_path / "ledger.db", recorded(tmp_path / "ledger.db", mode="flat-out")) is None
