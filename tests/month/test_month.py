"""The whole month: what the script planted is found and blamed on what it was; nobody is paged for the rest."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrator.domain.regression import DEVICE_DRIFT, IMPROVEMENT, REGRESSION
from orchestrator.ledger.ledger import Ledger
from orchestrator.tell.grafana.against import Prometheus, ask
from orchestrator.tell.grafana.boards import BOARDS
from orchestrator.tell.telemetry.server import Server
from orchestrator.workflows.telemetry import push
from tests.month.__main__ import yesterday
from tests.month.script import (
    CLEANED_AT,
    COMMITS,
    DIGITS,
    DUST_FROM,
    DUSTY,
    FIXED_AT,
    HOT,
    NIGHTS,
    REFERENCE,
    REGRESSED_AT,
    UNITS,
    UNPLUGGED,
    UNPLUGGED_AT,
)
from tests.month.story import ToldNight, month
from tests.prometheus import prometheus

# Told of the running farm, not of nights: nothing of it runs here (tests/orchestrator/tell/grafana has it).
LIVE = "earshot-farm"
# What the month does not measure.
NOT_MEASURED = "earshot_streams_held"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("month")


@pytest.fixture(scope="module")
def nights(results: Path) -> list[ToldNight]:
    return list(month(results, NIGHTS, yesterday()))


def of_kind(nights: list[ToldNight], kind: str) -> list[tuple[int, Any]]:
    return [(night.number, verdict) for night in nights for verdict in night.verdicts if verdict.kind == kind]


def first_told(found: list[tuple[int, Any]]) -> dict[str, int]:
    """Device -> the night on which it was first told."""
    first: dict[str, int] = {}
    for number, verdict in found:
        first.setdefault(verdict.key.device, number)
    return first


def changes(verdict: Any) -> list[tuple[str, str, str]]:
    return [(blame.axis, blame.before, blame.after) for blame in verdict.blame]


def test_the_regression_is_found_on_every_device_within_two_nights_and_blamed_on_the_commit(
    nights: list[ToldNight],
) -> None:
    """A tail, which is noisier, may be told some nights later; on the board that was away, when it is back."""
    found = of_kind(nights, REGRESSION)
    assert set(first_told(found)) == {unit.name for unit in UNITS}
    assert set(first_told(found).values()) <= {REGRESSED_AT, REGRESSED_AT + 1}
    assert {verdict.key.metric for number, verdict in found if number > REGRESSED_AT + 1} <= {"latency_p99_ms"}
    for _, verdict in found:
        assert (verdict.key.model, verdict.confirmed_by) == (DIGITS, "re-run")
        assert changes(verdict) == [("model_commit", *COMMITS[:2])]
    inside = [verdict.effect.low <= 1.07 <= verdict.effect.high for _, verdict in found]
    assert sum(inside) / len(inside) >= 0.85, "intervals of 95 %, told where the effect was large enough to be told"


def test_the_improvement_is_told_and_blamed_on_its_commit(nights: list[ToldNight]) -> None:
    found = of_kind(nights, IMPROVEMENT)
    assert set(first_told(found)) == {unit.name for unit in UNITS}
    assert set(first_told(found).values()) <= {FIXED_AT, FIXED_AT + 1}
    assert all(changes(verdict) == [("model_commit", *COMMITS[1:])] for _, verdict in found)


def test_the_dusty_board_is_told_from_its_models_and_put_aside(nights: list[ToldNight]) -> None:
    found = of_kind(nights, DEVICE_DRIFT)
    assert {(verdict.key.device, verdict.key.model) for _, verdict in found} == {(DUSTY, REFERENCE)}
    (when,) = {number for number, _ in found}
    assert DUST_FROM < when < CLEANED_AT
    assert [(n.number, n.quarantined) for n in nights if n.quarantined] == [(when, (DUSTY,))]


def test_nobody_is_paged_for_anything_else(nights: list[ToldNight]) -> None:
    """The hot week among it: what a throttled phone says does not count."""
    alerts = [verdict for night in nights for verdict in night.alerts]
    assert [v.said for v in alerts if v.kind not in (REGRESSION, DEVICE_DRIFT)] == []
    assert [v.said for n in nights if n.number < REGRESSED_AT for v in n.alerts] == []
    assert [v.said for n in nights if n.number in HOT for v in n.alerts if v.key.device != DUSTY] == []


@dataclass
class Told:
    server: Any
    end_s: float


@pytest.fixture(scope="module")
def told(results: Path, nights: list[ToldNight], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    with (
        prometheus(tmp_path_factory.mktemp("prometheus"), out_of_order="60d") as server,
        Ledger.open(results / "ledger.db") as ledger,
    ):
        pushed = push(ledger, server.url)
        assert pushed.waiting.entries == 0
        assert not pushed.delivered.refused
        (last,) = server.query("max(last_over_time(earshot_night_finished_timestamp_seconds[40d]))")
        yield Told(server, float(last["value"][1]) + 600)


def test_every_dashboard_of_nights_shows_it(told: Told) -> None:
    with Server(told.server.url, None) as server:
        for model in (board.as_json() for board in BOARDS):
            if model["uid"] == LIVE:
                continue
            answers = [a for a in ask(model, Prometheus(server), told.end_s) if NOT_MEASURED not in a.expr]
            assert [f"{a.target}: {a.problem}" for a in answers if a.problem] == [], model["uid"]


def night_end_s(told: Told, number: int) -> float:
    return told.end_s - (NIGHTS - 1 - number) * 86_400


@pytest.mark.parametrize(
    ("number", "query", "expected"),
    [
        (REGRESSED_AT, 'count(last_over_time(earshot_regression_effect_ratio{kind="regression"}[26h]) > 1.05) > 10', 1),
        (REGRESSED_AT - 1, 'last_over_time(earshot_regression_effect_ratio{kind="regression"}[26h])', 0),
        (FIXED_AT, 'count(last_over_time(earshot_regression_effect_ratio{kind="improvement"}[26h]) < 0.9) > 10', 1),
        (HOT[1], "count by (device) (last_over_time(earshot_throttled[26h]) > 0)", 4),
        (HOT[0] - 1, "count by (device) (last_over_time(earshot_throttled[26h]) > 0)", 0),
        (UNPLUGGED_AT, "last_over_time(earshot_night_devices_missing[26h]) > 0", 1),
    ],
)
def test_the_month_is_in_the_figures(told: Told, number: int, query: str, expected: int) -> None:
    assert len(told.server.query(query, night_end_s(told, number))) == expected


def test_the_missing_phone_is_named(results: Path, nights: list[ToldNight]) -> None:
    from orchestrator.ledger.nights import nights as records

    with Ledger.open(results / "ledger.db") as ledger:
        (record,) = [r for r in records(ledger) if r.at == nights[UNPLUGGED_AT].at]
    assert [missing.what for missing in record.missing] == [UNPLUGGED]
