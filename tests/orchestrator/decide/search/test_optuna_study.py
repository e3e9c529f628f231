"""Optuna behind ask and tell, with its steps in a ledger: an interrupted study goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.decide.search.optuna_study import Nsga2, Tpe
from orchestrator.decide.search.purse import Purse
from orchestrator.decide.search.question import Entrant, Question, Run
from orchestrator.decide.search.standing import Standings
from orchestrator.domain.study import Study
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.search_journals import SearchJournal

RECIPES, THREADS = ("fp32", "fp16", "int8", "int4"), ("1", "2", "3")
# Time falls with precision and rises with threads; memory the other way round.
TIME = {"fp32": 4.0, "fp16": 3.0, "int8": 2.0, "int4": 1.5}
ENTRANTS = [
    Entrant(f"{recipe} {threads}", {"size_mb": 1.0}, {"recipe": recipe, "threads": threads})
    for recipe in RECIPES
    for threads in THREADS
    if (recipe, threads) != ("int4", "3")
]
QUESTION = Question("service_p50_ms", also=("peak_rss_mb",))


def truth(name: str) -> dict[str, float]:
    recipe, threads = name.split()
    return {"service_p50_ms": TIME[recipe] / float(threads) ** 0.5, "peak_rss_mb": 10.0 * float(threads) + TIME[recipe]}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SearchJournal]:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger.begin_study(Study("s-1", "m", "d", "2026-01-01T00:00:00+00:00", {}))
        yield SearchJournal(ledger, "s-1")


def some_runs(strategy: Tpe | Nsga2, purse: Purse, count: int, begin: int = 0) -> list[Run]:
    told = []
    for number in range(begin, begin + count):
        (name,) = strategy.ask(purse)
        run = Run(name, "ok", float(number), 1.0, truth(name), run_id=f"session-{number}")
        strategy.tell(run)
        told.append(run)
    return told


def test_the_front_of_two_metrics_is_found_from_what_candidates_are_made_of() -> None:
    strategy = Nsga2(Standings(QUESTION, ENTRANTS), seed=3)
    some_runs(strategy, Purse(len(ENTRANTS), 1e9), 60)
    best = {
        name
        for name in (e.name for e in ENTRANTS)
        if not any(
            all(truth(other.name)[m] <= truth(name)[m] for m in truth(name)) and other.name != name
            for other in ENTRANTS
        )
    }
    assert set(strategy.front) <= best
    assert "int4 1" in strategy.front
    assert len(strategy.front) >= 2


@pytest.mark.parametrize("kind", [Tpe, Nsga2])
def test_an_interrupted_study_goes_on_with_its_trials(kind: type[Tpe | Nsga2], journal: SearchJournal) -> None:
    purse = Purse(len(ENTRANTS), 1e9)
    before = kind(Standings(QUESTION, ENTRANTS), 0, journal=journal)
    told = some_runs(before, purse, 8)
    # One more was asked for and never told: the controller was killed.
    before.ask(purse)
    after = kind(Standings(QUESTION, ENTRANTS), 0, journal=journal)
    assert after.trials == 8
    for run in told:
        after.tell(run)
    assert after.trials == 8, "what the journal has is not told twice"
    some_runs(after, purse, 4, begin=8)
    assert after.trials == 12
    assert after.finding().winner is not None
    # A run that the ledger got and the journal did not: the kill came between the two.
    late = Run("fp16 2", "ok", 99.0, 1.0, truth("fp16 2"), run_id="session-99")
    again = kind(Standings(QUESTION, ENTRANTS), 0, journal=journal)
    again.tell(late)
    assert again.trials == 13


def test_a_run_that_does_not_count_teaches_nothing(journal: SearchJournal) -> None:
    strategy = Nsga2(Standings(QUESTION, ENTRANTS), 0, journal=journal)
    purse = Purse(len(ENTRANTS), 1e9)
    (name,) = strategy.ask(purse)
    strategy.tell(Run(name, "failed", 0.0, 1.0, {}))
    (name,) = strategy.ask(purse)
    strategy.tell(Run(name, "ok", 1.0, 1.0, {"service_p50_ms": 1.0}))
    assert strategy.trials == 0


def test_a_prior_is_asked_for_first() -> None:
    strategy = Nsga2(Standings(QUESTION, ENTRANTS), 0, first=["int8 2", "fp32 1"])
    purse = Purse(len(ENTRANTS), 1e9)
    assert [run.candidate for run in some_runs(strategy, purse, 2)] == ["int8 2", "fp32 1"]
