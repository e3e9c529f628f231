"""Who may still be the best, with runs of known figures; priors and units among them."""

import numpy as np
import pytest

from orchestrator.decide.search.belief import believe
from orchestrator.decide.search.contenders import contenders
from orchestrator.decide.search.purse import Purse
from orchestrator.decide.search.question import SUSPECT, Entrant, Question, Run
from orchestrator.decide.search.race import Race
from orchestrator.decide.search.standing import Standings

METRIC = "service_p50_ms"


def standings(*names: str, **limits: float) -> Standings:
    return Standings(Question(METRIC, limits), [Entrant(name, {"size_mb": 1.0}) for name in names])


def run(name: str, value: float, at_s: float = 0.0, *, outcome: str = "ok", place: str = "") -> Run:
    return Run(name, outcome, at_s, 1.0, {METRIC: value}, place=place)


def test_those_within_the_zone_of_the_best_and_no_others() -> None:
    found = standings("a", "b", "c", "d")
    for at, (name, value) in enumerate([("a", 1.0), ("b", 1.05), ("c", 2.0), ("d", 1.5)] * 3):
        found.add(run(name, value, float(at)))
    assert contenders(found, 0.10) == ["a", "b"]
    found.reject("a", "its quality")
    assert contenders(found, 0.10) == ["b"]
    assert found.rejected["a"] == "its quality"


def test_one_without_a_good_run_is_none() -> None:
    found = standings("a", "b")
    found.add(run("a", 1.0))
    found.add(run("b", 0.5, outcome="throttled"))
    assert contenders(found, 0.10) == ["a"]
    assert contenders(standings("a"), 0.10) == []


def test_what_is_known_without_a_run_leaves_no_doubt() -> None:
    found = Standings(Question("size_mb"), [Entrant("big", {"size_mb": 2.0}), Entrant("small", {"size_mb": 1.0})])
    for name in ("big", "small"):
        found.add(run(name, 1.0))
    assert contenders(found, 0.02) == ["small", "big"]


def test_a_run_that_was_disturbed_says_nothing_and_three_of_them_are_no_chance() -> None:
    found = standings("a")
    for _ in range(2):
        found.add(run("a", 1.0, outcome=SUSPECT))
    assert found.open == ["a"]
    found.add(run("a", 1.0, outcome=SUSPECT))
    assert found.rejected == {"a": "something disturbed all of 3 runs"}


def test_units_differ_and_candidates_are_compared_within_one() -> None:
    """A second unit is 8 % slower; who ran only there is not taken for slower."""
    runs = [run("default", 1.0, 0.0, place="left"), run("default", 1.08, 0.5, place="right")]
    runs += [run("a", 0.80, 1.0, place="left"), run("b", 0.80 * 1.08, 1.5, place="right")]
    belief = believe(runs, METRIC, 10.0)
    mean = dict(zip(belief.names, np.exp(belief.mean), strict=True))
    assert mean["b"] / mean["a"] == pytest.approx(1.0, abs=0.03)
    alone = believe([Run(r.candidate, "ok", r.at_s, 1.0, r.figures) for r in runs], METRIC, 10.0)
    believed = dict(zip(alone.names, np.exp(alone.mean), strict=True))
    assert believed["b"] / believed["a"] > 1.04


def test_a_prior_is_an_order_of_looks_and_no_more() -> None:
    """It leads to the wrong candidates: they are looked at first, and the runs here decide."""
    names = [f"c{number}" for number in range(12)]
    truth = {name: 1.0 + 0.1 * number for number, name in enumerate(names)}
    found = standings(*names)
    race, purse = Race(found, 0, ["c11", "c9"]), Purse(12, runs=30)
    order: list[str] = []
    while block := race.ask(purse):
        for name in block:
            told = run(name, truth[name] * (1 + 0.01 * (len(order) % 3)), float(len(order)))
            order.append(name)
            purse.spend(told)
            race.tell(told)
        if not purse.affords("c0"):
            break
    assert order[:2] == ["c11", "c9"]
    assert race.finding().winner == "c0"
    assert order.count("c11") == 1, "no run of another device counts for it"


def test_a_run_that_was_not_asked_for_is_a_look() -> None:
    found = standings("a", "b", "c")
    race = Race(found, 0)
    purse = Purse(3, runs=20)
    for name in ("a", "b", "c"):
        told = run(name, 1.0)
        purse.spend(told)
        race.tell(told)
    assert len(race.ask(purse)) >= 2, "all were looked at: what follows is a block"


def test_a_purse_pays_the_least_runs_whatever_its_limit() -> None:
    purse = Purse(4, limit_s=0.5, runs=10, least_runs=3)
    purse.spend(Run("a", "ok", 0.0, 2.0, {}))
    assert purse.total_s == 6.0
    assert Purse(4, limit_s=-3.0).total_s == 0.0
    rich = Purse(4, limit_s=1000.0, runs=10)
    rich.spend(Run("a", "ok", 0.0, 2.0, {}))
    assert rich.total_s == 20.0
