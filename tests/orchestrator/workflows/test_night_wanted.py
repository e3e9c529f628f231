"""From a plan to what runs where, when it ends, and what is missing before it began; and when a night is."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.domain.health import Health
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadInput
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.nights import durations
from orchestrator.measure.lab.device import Device, Lab
from orchestrator.workflows.night_clock import noon_after, planned_end, tonight
from orchestrator.workflows.night_settings import NightPlan, WantedModel
from orchestrator.workflows.night_wanted import Planned, planned, require_something
from tests import sessions
from tests.orchestrator.workflows.night_ledger import make_ledger

FP32, INT8 = Recipe("onnx", "fp32"), Recipe("onnx", "int8-dynamic")
LAB = Lab({name: Device(name, "ssh", host=name) for name in ("pi5", "jetson")})
PLAN = NightPlan(
    Path("desk.toml"), "desk", (WantedModel("kws", (FP32, INT8, None)), WantedModel("digits-lstm", (FP32,))),
    "pi5,jetson", "digits-lstm", seconds=10.0, runs=4, environments={"jetson": ("default", "old")},
)  # fmt: skip


def plan_of(plan: NightPlan = PLAN, **changes: object) -> Planned:
    given = {"health": {}, "winners": {}, "durations": {}, **changes}
    return planned(plan, "2026-11-21", LAB, {}, **given)  # type: ignore[arg-type]


def test_models_recipes_and_environments_meet_on_each_device() -> None:
    winner = replace(sessions.candidate(), model="kws")
    found = plan_of(winners={("kws", "pi5"): winner})
    pi5, jetson = found.shifts
    assert [str(each) for each in pi5.wanted] == [
        "kws onnx:fp32 1t", "kws onnx:int8-dynamic 1t", "kws onnx:fp32 CPU 1t", "digits-lstm onnx:fp32 1t",
    ]  # fmt: skip
    assert pi5.wanted[2].chosen == winner
    assert [each.environment for each in jetson.wanted] == [None, "old", None, "old", None, "old"]
    assert [(each.what, "earshot tune kws --device jetson" in each.reason) for each in found.missing] == [
        ("jetson: kws winner", True)
    ]
    assert found.sessions == 4 * (4 + 6)
    assert found.estimated == found.sessions
    # Devices work at the same time.
    assert found.expected_s == max(shift.night.expected_s for shift in found.shifts)


def test_a_device_in_quarantine_is_missing_with_its_reason() -> None:
    ill = {"pi5": Health("pi5", 3, "2026-11-20T01:00:00+00:00", "3 failures in a row")}
    found = plan_of(health=ill)
    assert [shift.device for shift in found.shifts] == ["jetson"]
    assert ("pi5", "in quarantine: 3 failures in a row") in [(each.what, each.reason) for each in found.missing]
    with pytest.raises(BadInput, match=r"nothing can be measured: pi5: in quarantine.*; jetson"):
        require_something(plan_of(health={**ill, "jetson": replace(ill["pi5"], device="jetson")}))


def test_what_was_measured_before_says_how_long_it_takes() -> None:
    known = {("pi5", "kws", "onnx:fp32", 1, "flat-out", 10.0): 7.5}
    found = plan_of(durations=known)
    costs = {str(w): c for w, c in zip(found.shifts[0].wanted, found.shifts[0].costs, strict=True)}
    assert (costs["kws onnx:fp32 1t"].session_s, costs["kws onnx:fp32 1t"].estimated) == (7.5, False)
    assert costs["kws onnx:int8-dynamic 1t"].estimated
    assert costs["digits-lstm onnx:fp32 1t"].must


def test_durations_are_of_what_was_asked_for(tmp_path: Path) -> None:
    make_ledger(tmp_path, [2.0] * 2, ["a", "b"])
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        assert durations(ledger) == {}, "these studies do not say how much audio they streamed"


def test_a_budget_without_room_says_what_it_leaves_out() -> None:
    found = plan_of(replace(PLAN, budgets_s={"pi5": 60.0}))
    (left,) = [each for each in found.missing if each.what.startswith("pi5: kws onnx:int8")]
    assert left.reason == "the budget of 1 min has no room for it"
    assert any(str(found.shifts[0].wanted[n]).startswith("digits-lstm") for n in found.shifts[0].night.taken)


def test_a_night_goes_from_noon_to_noon() -> None:
    assert tonight(datetime(2026, 11, 22, 11, 59, tzinfo=UTC)) == "2026-11-21"
    assert tonight(datetime(2026, 11, 22, 12, 0, tzinfo=UTC)) == "2026-11-22"
    assert noon_after("2026-11-21") == datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert planned_end("2026-11-21", "07:00") == datetime(2026, 11, 22, 7, tzinfo=UTC)
    assert planned_end("2026-11-21", "23:30") == datetime(2026, 11, 21, 23, 30, tzinfo=UTC)
    assert planned_end("2026-11-21", None) == noon_after("2026-11-21")
