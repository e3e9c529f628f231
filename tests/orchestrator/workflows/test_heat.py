"""Sustained sessions of several studies in one ledger: those that were measured alike stand beside each other."""

from dataclasses import replace
from pathlib import Path

from orchestrator.domain.heat import Heat
from orchestrator.domain.session import Session
from orchestrator.domain.study import Study
from orchestrator.ledger.ledger import Ledger
from orchestrator.workflows.heat import heat_of
from tests.orchestrator.domain.test_heat import QUICK, STEADY, course
from tests.sessions import ENVIRONMENT, artifact, session


def of_study(number: int, of: Session, agent_sha256: str = ENVIRONMENT.agent_sha256) -> Session:
    return replace(
        of,
        planned=replace(of.planned, study_id=f"study-{number}", chunk_count=len(of.arrays["t_ns"])),
        environment=replace(of.environment, agent_sha256=agent_sha256),
        started_utc=f"2026-01-0{number}T00:00:00+00:00",
    )


def known(path: Path, *sessions: Session) -> Ledger:
    ledger = Ledger.open(path / "ledger.db")
    for recipe in ("onnx:fp32", "onnx:int8-dynamic"):
        ledger.record_artifact(artifact(recipe))
    for one in sessions:
        ledger.begin_study(Study(one.planned.study_id, "synthetic", "bench", one.started_utc, {"workflow": "run"}))
        ledger.record_session(one)
    return ledger


def test_single_runs_of_two_studies_are_compared(tmp_path: Path) -> None:
    sessions = of_study(1, course(QUICK, 3.0, 6.0, seed=0)), of_study(2, course(STEADY, 4.0, 4.0, seed=1))
    with known(tmp_path, *sessions, of_study(3, session(STEADY, block=5))) as ledger:
        found = heat_of(ledger, "synthetic", "bench")
        assert isinstance(found, Heat)
        assert (found.cold.fastest, found.hot.fastest) == (QUICK.key, STEADY.key)
        assert heat_of(ledger, "synthetic", "other") == (
            "no session of 3 minutes or more: earshot run synthetic --mode sustained --recipe ..."
        )


def test_what_was_measured_otherwise_is_left_out_and_told(tmp_path: Path) -> None:
    old = of_study(1, course(QUICK, 3.0, 6.0, seed=0), agent_sha256="c" * 64)
    with known(tmp_path, old, of_study(2, course(STEADY, 4.0, 4.0, seed=1))) as ledger:
        found = heat_of(ledger, "synthetic", "bench")
    assert found == (
        "it takes two candidates that ran for 3 minutes or more, there are 1; 1 older ones were not measured alike"
    )
