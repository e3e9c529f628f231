"""What is submitted: for which devices, as which jobs, and what is said where it cannot be done."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestrator.domain.job import (
    CANCELLED,
    DONE,
    EXPORT,
    INTERACTIVE,
    NIGHTLY,
    READY,
    RUNNING,
    SESSION,
    TUNE,
    WAITING,
    Job,
    Outcome,
    device_queue,
)
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadInput, DeviceQuarantined
from orchestrator.ledger.health import quarantine
from orchestrator.ledger.job_turns import claim, finish
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.nights import nights
from orchestrator.ledger.orders import Order, jobs, submit
from orchestrator.ledger.workers import announce, begin_worker
from orchestrator.workflows.farm.cancel import cancel
from orchestrator.workflows.farm.devices import FarmDevices, farm_devices
from orchestrator.workflows.farm.export_order import submit_export
from orchestrator.workflows.farm.nightly import close_nights, submit_nightly
from orchestrator.workflows.farm.order import Asked
from orchestrator.workflows.farm.payload import EVALUATE, session_work, study_id, title_of
from orchestrator.workflows.farm.queue import QueueWish, farm_now
from orchestrator.workflows.farm.submit import RunWish, submit_run
from orchestrator.workflows.farm.tune import TuneWish, submit_tune
from orchestrator.workflows.night_clock import noon_after, tonight
from orchestrator.workflows.prepare import prepare_model
from tests.orchestrator.workflows.mini import add_mini

FP32, INT8 = Recipe.parse("onnx:fp32"), Recipe.parse("onnx:int8-dynamic")
ANN = Asked("ann")
PLAN = """
name = "desk"
devices = ["tag:pi"]
mode = "flat-out"
seconds = 1
runs = 3
[[models]]
model = "mini"
recipes = ["onnx:fp32", "onnx:int8-dynamic"]
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With ``mini``, whose audio is decoded: that takes longer than all the rest."""
    folder = tmp_path_factory.mktemp("library")
    add_mini(folder)
    prepare_model("mini", folder / "models")
    return folder


@pytest.fixture
def results(tmp_path: Path, library: Path) -> Path:
    return shutil.copytree(library, tmp_path / "results")


@pytest.fixture
def farm(results: Path) -> Iterator[Ledger]:
    """Two sites with three devices; a worker lives at berlin."""
    with Ledger.open(results / "ledger.db") as ledger:
        pi = {"tags": ["pi", "ssh"], "transport": "ssh", "device_model": "raspberry-pi-5"}
        announce(ledger, "berlin", {"pi5": pi, "pi5b": pi})
        announce(ledger, "porto", {"pixel": {"tags": ["phone"], "transport": "adb", "device_model": None}})
        begin_worker(ledger, "berlin", "berlin host /srv", {"export_queues": ["export"], "host": "host", "exports": 1})
        yield ledger


def chosen(farm: Ledger, terms: str) -> list[str]:
    return farm_devices(farm).chosen(terms, {"pi5": 3})


def test_devices_are_meant_by_the_words_of_a_lab(farm: Ledger) -> None:
    assert chosen(farm, "all") == ["pi5", "pi5b", "pixel"]
    assert chosen(farm, "tag:pi,pixel") == ["pi5", "pi5b", "pixel"]
    assert chosen(farm, "any:raspberry-pi-5") == ["pi5b"], "fewer jobs wait for it"
    assert farm_devices(farm).one_of_each_model(["pi5", "pi5b", "pixel"], {"pi5": 3}) == ["pi5b", "pixel"]


def test_an_unknown_device_is_told_with_what_the_sites_have(farm: Ledger) -> None:
    with pytest.raises(BadInput, match="no site has announced a device 'pi55'") as raised:
        chosen(farm, "pi55")
    assert raised.value.hint == "did you mean pi5 or pi5b? announced are berlin: pi5, pi5b; porto: pixel"
    with pytest.raises(BadInput, match="no device has the tag 'jetson'"):
        chosen(farm, "tag:jetson")
    with pytest.raises(BadInput, match="'local'"):
        chosen(farm, "local")


def test_a_farm_without_a_site_says_how_to_begin_one(results: Path) -> None:
    with pytest.raises(BadInput, match="no site has announced") as raised:
        submit_run(results, RunWish("mini", "all", (FP32,)), ANN)
    assert "earshot worker --site" in str(raised.value.hint)


def test_a_device_in_quarantine_is_not_measured(farm: Ledger) -> None:
    quarantine(farm, "pi5", "it fell")
    assert chosen(farm, "tag:pi") == ["pi5b"]
    with pytest.raises(DeviceQuarantined, match="it fell"):
        chosen(farm, "pi5")


def test_a_run_is_a_job_for_each_session_in_turns_and_an_export_for_each_recipe(farm: Ledger, results: Path) -> None:
    wish = RunWish("mini", "pi5,pixel", (FP32, INT8), mode="flat-out", seconds=2.0, runs=3, quality=True)
    submitted = submit_run(results, wish, Asked("bob", NIGHTLY, 4e9))
    assert submitted.warnings == ("no worker of site porto is alive: what is for its devices waits until one is",)
    found = jobs(farm, order_id=submitted.order.order_id)
    assert [state.state for state in found if state.job.kind == EXPORT] == [READY] * 2
    sessions = [state for state in found if state.job.kind == SESSION]
    assert {state.state for state in sessions} == {WAITING}
    assert {(s.job.user, s.job.priority, s.job.deadline_utc_s) for s in sessions} == {("bob", NIGHTLY, 4e9)}
    for device in ("pi5", "pixel"):
        own = sorted((s.job for s in sessions if s.job.queue == device_queue(device)), key=lambda job: job.position)
        works = [session_work(job) for job in own]
        assert [work.block for work in works if work.mode == "flat-out"] == [0, 0, 1, 1, 2, 2]
        assert [work.mode for work in works[-2:]] == [EVALUATE] * 2
        assert [work.recipe for work in works[:2]] == [work.recipe for work in works[2:4]][::-1], "mirrored"
        assert {work.study.study_id for work in works} == {study_id(submitted.order.order_id, "mini", device)}
        assert all(set(job.needs) <= {s.job.job_id for s in found if s.job.kind == EXPORT} for job in own)
    assert title_of(sessions[0].job).startswith("flat-out mini onnx:")


def test_what_cannot_be_measured_with_is_refused() -> None:
    with pytest.raises(BadInput, match="seconds"):
        RunWish("mini", "all", (FP32,), seconds=0.0)
    with pytest.raises(BadInput, match="mode must be"):
        RunWish("mini", "all", (FP32,), mode="multi")
    with pytest.raises(BadInput, match="a user is named"):
        Asked("")


def test_exports_are_made_once_for_all_orders(farm: Ledger, results: Path) -> None:
    first = submit_run(results, RunWish("mini", "pi5", (FP32,)), ANN)
    second = submit_run(results, RunWish("mini", "pi5b", (FP32, INT8)), ANN)
    known = {job.job_id for job in first.jobs if job.kind == EXPORT}
    assert known < {job.job_id for job in second.jobs}
    assert not known & set(second.new)
    third = submit_export(results, "mini", (FP32,), False, ANN)
    assert [job.job_id for job in third.jobs] == sorted(known)
    assert third.new == ()


def test_an_export_is_as_urgent_as_the_most_urgent_who_needs_it(farm: Ledger, results: Path) -> None:
    night = submit_run(results, RunWish("mini", "pi5", (FP32,)), Asked("night", NIGHTLY, 4e9))
    submit_run(results, RunWish("mini", "pi5b", (FP32,)), Asked("bob", NIGHTLY, 3e9))
    (export,) = [state for state in jobs(farm, order_id=night.order.order_id) if state.job.kind == EXPORT]
    assert (export.job.priority, export.job.deadline_utc_s) == (NIGHTLY, 4e9)
    submit_run(results, RunWish("mini", "pi5b", (FP32,)), ANN)
    (export,) = jobs(farm, job_ids=[export.job.job_id])
    assert (export.job.priority, export.job.deadline_utc_s, export.job.user) == (INTERACTIVE, None, "night")


def test_what_another_order_needs_is_not_cancelled(farm: Ledger, results: Path) -> None:
    first = submit_run(results, RunWish("mini", "pi5", (FP32,)), ANN)
    second = submit_run(results, RunWish("mini", "pi5b", (FP32,)), ANN)
    (export,) = [job.job_id for job in first.jobs if job.kind == EXPORT]
    told = cancel(farm, [first.order.order_id], "ann")
    assert told.pop(export) == "needed"
    assert list(told.values()) == [CANCELLED]
    again = cancel(farm, [second.order.order_id, *told], "ann")
    assert again == {
        **{job.job_id: CANCELLED for job in second.jobs if job.kind == SESSION},
        **dict.fromkeys(told, "over"),
    }


def test_nothing_is_cancelled_where_a_name_is_wrong(farm: Ledger, results: Path) -> None:
    order = submit_run(results, RunWish("mini", "pi5", (FP32,)), ANN).order
    with pytest.raises(BadInput, match="'nonsense' is neither an order nor a job"):
        cancel(farm, [order.order_id, "nonsense"], "ann")
    assert not any(state.ended for state in jobs(farm))


def test_exports_that_nobody_can_make_are_told(farm: Ledger, results: Path) -> None:
    submitted = submit_export(results, "mini", (Recipe.parse("openvino:fp32"),), False, ANN)
    assert submitted.warnings == (
        "no living worker does exports with openvino: start one where that is installed, earshot worker --exports 1",
    )
    (state,) = farm_now(farm, QueueWish(order=submitted.order.order_id)).jobs
    assert farm_now(farm, QueueWish()).unserved[state.job.queue] == "no living worker does such exports"


def test_a_search_is_one_job_on_each_device(farm: Ledger, results: Path) -> None:
    submitted = submit_tune(results, TuneWish("mini", recipes=(str(FP32),)), "all", True, ANN)
    assert [(job.kind, job.queue) for job in submitted.jobs] == [
        (TUNE, device_queue("pi5")),
        (TUNE, device_queue("pixel")),
    ]
    with pytest.raises(BadInput, match="budget_s"):
        submit_tune(results, TuneWish("mini", budget_s=0.0), "all", True, ANN)


def test_a_night_is_submitted_once_and_ends_with_its_last_session(farm: Ledger, results: Path) -> None:
    plan = results / "desk.toml"
    plan.write_text(PLAN)
    submitted = submit_nightly(results, plan, "ann")
    at = tonight(datetime.now(UTC))
    assert submitted.order.title == f"night of {at}, plan desk"
    assert submitted.devices == ("pi5", "pi5b")
    sessions = [job for job in submitted.jobs if job.kind == SESSION]
    assert {(job.priority, job.deadline_utc_s) for job in submitted.jobs} == {(NIGHTLY, noon_after(at).timestamp())}
    assert {job.payload["study"]["settings"]["workflow"] for job in sessions} == {"nightly"}
    (record,) = nights(farm)
    assert (record.expected_sessions, record.finished_utc) == (12, None)
    with pytest.raises(BadInput, match="was submitted already"):
        submit_nightly(results, plan, "ann")
    now = datetime.now(UTC)
    assert close_nights(farm, now) == []
    _end(farm, "export", Outcome({"sha256": "0"}))
    _end(farm, device_queue("pi5"), Outcome({"session_id": "s"}))
    _end(farm, device_queue("pi5b"), Outcome({"session_id": "s"}, reason="the session failed: out of memory"))
    (closed,) = close_nights(farm, now)
    assert (closed.finished_sessions, closed.failed_sessions, closed.late) == (6, 6, False)
    assert {each.what.partition(":")[0] for each in closed.missing} == {"pi5b"}
    assert nights(farm) == [closed]
    assert close_nights(farm, now) == []


def _end(farm: Ledger, queue: str, outcome: Outcome) -> None:
    worker = begin_worker(farm, "berlin", f"a place for {queue}", {})
    while (begun := claim(farm, queue, worker)) is not None:
        finish(farm, begun, outcome)


def test_noon_ends_a_night_of_which_something_never_began(farm: Ledger, results: Path) -> None:
    plan = results / "desk.toml"
    plan.write_text(PLAN)
    submit_nightly(results, plan, "ann")
    (closed,) = close_nights(farm, datetime.now(UTC) + timedelta(days=1))
    assert (closed.finished_sessions, closed.failed_sessions, closed.late) == (0, 0, True)
    assert {each.reason for each in closed.missing} == {"noon ended the night"}
    assert len(closed.missing) == 8, "two configurations on two devices, timed and scored"


def test_the_queue_tells_what_each_device_does(farm: Ledger, results: Path) -> None:
    submit(
        farm,
        Order("o", "ann", "run", "by hand"),
        [Job(f"o-{n}", "o", SESSION, device_queue("pi5"), "ann", n) for n in (0, 1)],
    )
    begun = claim(farm, device_queue("pi5"), begin_worker(farm, "berlin", "another", {}))
    assert begun is not None
    now = farm_now(farm, QueueWish(site="berlin"))
    busy, idle = now.devices
    assert busy.runs is not None
    assert (busy.runs.job.job_id, busy.load.running, busy.load.ready, idle.runs) == ("o-0", 1, 1, None)
    (told,) = now.orders
    assert (told.open, told.done, told.total, told.lost) == (2, 0, 2, 0)
    finish(farm, begun, Outcome({}))
    assert [state.state for state in farm_now(farm, QueueWish(device="pi5")).jobs] == [READY]
    assert [state.state for state in farm_now(farm, QueueWish(device="pi5", ended=True)).jobs] == [DONE, READY]
    assert RUNNING not in farm_now(farm, QueueWish()).orders[0].counts
    for wrong in (QueueWish(site="berlinn"), QueueWish(device="pi6"), QueueWish(order="none")):
        with pytest.raises(BadInput):
            farm_now(farm, wrong)


def test_tags_come_from_what_the_sites_say(farm: Ledger) -> None:
    known: FarmDevices = farm_devices(farm)
    assert known.tags["pi5"] == {"pi", "ssh", "raspberry-pi-5"}
    assert known.models["pixel"] is None
    assert known.exporting == {"export"}
