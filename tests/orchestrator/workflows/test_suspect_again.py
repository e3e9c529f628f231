"""Suspect sessions run once more, within a budget, in every verb that measures. Only the verdict is made up here."""

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.domain.recipe import Recipe
from orchestrator.domain.session import Session
from orchestrator.domain.session_verdict import SUSPECT, Doubt, SessionVerdict
from orchestrator.ledger.ledger import Ledger
from orchestrator.workflows import session_runner
from orchestrator.workflows.bench import BenchSettings, Choice
from orchestrator.workflows.compare import compare_now
from orchestrator.workflows.progress import Silent
from orchestrator.workflows.run_settings import RunSettings
from orchestrator.workflows.settings import TuneSettings
from orchestrator.workflows.single import run_one
from orchestrator.workflows.tune import tune
from tests.orchestrator.workflows.mini import add_mini, however_busy

FP32 = Recipe.parse("onnx:fp32")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of all tests here: what is exported and pushed once stays."""
    folder = tmp_path_factory.mktemp("again") / "earshot-results"
    add_mini(folder)
    return folder


@pytest.fixture(autouse=True)
def home(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The local device's disk."""
    monkeypatch.setenv("HOME", str(results.parent))


@pytest.fixture
def disturbed(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Attempts below this number are suspect, whatever really happened; all others are valid."""

    def below(attempt: int) -> None:
        doubt = Doubt(SUSPECT, "background", "the test disturbed it")

        def verdict(session: Session, sample_rate_hz: int | None) -> SessionVerdict:
            timed = session.planned.mode in ("paced", "flat-out")
            return SessionVerdict((doubt,) if timed and session.planned.attempt < attempt else ())

        monkeypatch.setattr(session_runner, "judge", verdict)

    return below


def attempts(results: Path) -> list[int]:
    """Of the timed sessions of the newest study."""
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        study = ledger.latest_study()
        assert study is not None
        sessions = ledger.sessions(study.study_id, with_arrays=False)
    return sorted(s.planned.attempt for s in sessions if s.planned.mode in ("paced", "flat-out"))


def settings(results: Path, *, once: bool = False) -> RunSettings:
    return RunSettings("mini", FP32, mode="flat-out", seconds=0.5, results=results, once=once)


def test_run_tries_once_more_and_not_at_all_where_once_is_asked_for(
    results: Path, disturbed: Callable[[int], None]
) -> None:
    disturbed(99)
    assert run_one(settings(results), Silent()).session.planned.attempt == 1
    assert attempts(results) == [0, 1]
    assert run_one(settings(results, once=True), Silent()).session.planned.attempt == 0
    assert attempts(results) == [0]


def test_compare_runs_as_many_again_as_it_has_runs(results: Path, disturbed: Callable[[int], None]) -> None:
    disturbed(99)
    choices = (Choice(FP32), Choice(FP32, threads=2))
    compare_now(
        BenchSettings("compare", "mini", choices, results=results, mode="flat-out", runs=2, seconds=0.5), Silent()
    )
    assert attempts(results) == [0, 0, 0, 0, 1, 1]


def test_tune_has_a_budget_of_six(
    results: Path, disturbed: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    disturbed(99)
    however_busy(monkeypatch)
    quick = TuneSettings(
        "mini", results=results, recipes=(FP32,), budget_s=2.0, paced_s=0.7, flat_out_s=1.0, finalists=1
    )
    tune(quick, Silent())
    assert attempts(results).count(1) == 6
    assert max(attempts(results)) == 1
