"""What won on devices that are alike is looked at first here, and by whom that is said."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.decide.selection.choose import decide
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.objective import Objective
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.session import Environment
from orchestrator.domain.study import Study
from orchestrator.ledger.ledger import Ledger
from orchestrator.workflows.warm_start import warm_start
from tests.sessions import ENVIRONMENT, artifact, candidate, race, score

BASE, FAST = candidate(), candidate("onnx:int8-dynamic")
HERE = Study("here", "synthetic", "unit-c", "2026-02-01T00:00:00+00:00", {"workflow": "tune"})


def board(name: str, model: str, soc: str | None) -> Environment:
    return replace(ENVIRONMENT, device=name, device_model=model, probe=replace(ENVIRONMENT.probe, soc=soc))


def add_study(ledger: Ledger, where: Environment, fast: Candidate, *, status: str = "finished", day: int = 1) -> None:
    """A decided study in which ``fast`` takes half of the default's time."""
    study = Study(
        f"s-{where.device}", "synthetic", where.device, f"2026-01-0{day}T00:00:00+00:00", {"workflow": "tune"}
    )
    ledger.begin_study(study)
    for made in (artifact(), artifact(str(fast.recipe))):
        ledger.record_artifact(made)
    found = race(BASE, service_ms=4.0) + race(fast, service_ms=2.0, seed=1)
    sessions = [
        replace(s, environment=where, planned=replace(s.planned, study_id=study.study_id, device=where.device))
        for s in found
    ]
    for session in sessions:
        ledger.record_session(session)
    scores = [score(BASE), score(fast)]
    artifacts = [artifact(), artifact(str(fast.recipe))]
    asked = {"objective": Objective(), "constraints": Constraints(max_quality_loss=None)}
    ledger.record_decision(decide(study, sessions, artifacts, scores, **asked))  # type: ignore[arg-type]
    if status != "running":
        ledger.finish_study(study.study_id, status)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db") as opened:
        yield opened


def test_the_same_device_model_comes_before_the_same_soc_and_others_say_nothing(ledger: Ledger) -> None:
    half = candidate("onnx:fp16")
    add_study(ledger, board("tablet", "tab-1", "g3"), half, day=3)
    add_study(ledger, board("unit-a", "phone-8", "g3"), FAST, day=1)
    add_study(ledger, board("board", "pi-5", "bcm"), candidate("onnx:int8-qdq"), day=2)
    found = warm_start(ledger, HERE, board("unit-c", "phone-8", "g3"))
    winners = [one for one in found if one.status == "winner"]
    assert [(one.key, one.device, one.alike) for one in winners] == [
        (FAST.key, "unit-a", "the same device model"),
        (half.key, "tablet", "the same SoC, g3"),
    ]
    assert found[0].sentence == (
        "first looked at: onnx:int8-dynamic CPU 1t, because it won on unit-a (the same device model, study s-unit-a)"
    )
    assert len({one.key for one in found}) == len(found)


def test_a_study_that_is_not_finished_or_that_of_this_very_device_says_nothing(ledger: Ledger) -> None:
    here = board("unit-c", "phone-8", "g3")
    add_study(ledger, board("unit-a", "phone-8", "g3"), FAST, status="running")
    add_study(ledger, here, FAST)
    assert warm_start(ledger, HERE, here) == ()


def test_a_soc_that_nobody_knows_is_not_alike(ledger: Ledger) -> None:
    add_study(ledger, board("unit-a", "phone-9", None), FAST)
    assert warm_start(ledger, HERE, board("unit-c", "phone-8", None)) == ()
