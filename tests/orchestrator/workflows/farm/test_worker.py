"""A worker with this machine as its device: every session of an order once, whatever becomes of the worker."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.decide.selection.constraints import Constraints
from orchestrator.domain.job import CANCELLED, DONE, FAILED, READY, RUNNING, SESSION
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadInput
from orchestrator.ledger.orders import submit
from orchestrator.ledger.workers import site_devices, workers
from orchestrator.workflows.farm.cancel import cancel
from orchestrator.workflows.farm.events import BEGAN, ENDED
from orchestrator.workflows.farm.outcome import measured, wait_for
from orchestrator.workflows.farm.queue import QueueWish, farm_now
from orchestrator.workflows.farm.settings import WorkerSettings
from orchestrator.workflows.farm.submit import RunWish, submit_run
from orchestrator.workflows.farm.tune import TuneWish, submit_tune
from orchestrator.workflows.farm.worker import work
from tests.orchestrator.workflows.farm.desk import FP32, INT8, ME, Desk
from tests.orchestrator.workflows.mini import add_mini

# Longer than it takes to stop the worker that waits for it.
_LONG_S = 3.0


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Its site is announced, and ``mini`` exported for both recipes once an order was worked on."""
    folder = tmp_path_factory.mktemp("desk")
    add_mini(folder / "results")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder))
        patch.setenv("EARSHOT_KEEP_SESSIONS", "1")
        found = Desk(folder / "results")
        found.work()
        yield found


def ran_on_device(desk: Desk, study_ids: set[str]) -> list[str]:
    """Sessions that lie on the device, of these studies: those that were started there."""
    root = desk.results.parent / ".cache" / "earshot" / "sessions"
    # Absent until the first one.
    found = root.iterdir() if root.is_dir() else ()
    return sorted(path.name for path in found if any(path.name.startswith(each) for each in study_ids))


def studies_of(desk: Desk, order_id: str) -> set[str]:
    sessions = [state for state in desk.jobs(order_id) if state.job.kind == SESSION]
    return {state.job.payload["study"]["study_id"] for state in sessions}


def test_every_session_of_an_order_once(desk: Desk) -> None:
    submitted = desk.submit(FP32, INT8, runs=2, quality=True)
    assert submitted.devices == ("local",)
    assert "no worker of site desk is alive: what is for its devices waits until one is" in submitted.warnings
    desk.work()
    found = desk.jobs(submitted.order.order_id)
    assert [state.state for state in found] == [DONE] * 8, [state.reason for state in found]
    sessions = [state for state in found if state.job.kind == SESSION]
    with desk.ledger() as farm:
        (study,) = studies_of(desk, submitted.order.order_id)
        recorded = {session.session_id for session in farm.sessions(study)}
        assert {state.result["session_id"] for state in sessions if state.result} <= recorded
        both = measured(farm, submitted.order.order_id)
        assert [(one.device, one.runs) for one in both] == [("local", 2), ("local", 2)]
        assert all((one.median("service time, p50") or 0) > 0 for one in both)
        assert [one.score.metric for one in both if one.score] == ["accuracy", "accuracy"]
        assert [each.record["device_model"] is not None for each in site_devices(farm)] == [True]
        assert [worker.ended for worker in workers(farm)] == [True]
        wait_for(farm, submitted.order.order_id, [], lambda counts: None, lambda reason: None)
    # In turns: one of each recipe before the second of either.
    turns = sorted(sessions, key=lambda state: state.job.position)
    assert {state.job.payload["recipe"] for state in turns[:2]} == {str(FP32), str(INT8)}
    began = [event for event in desk.told if event.kind == BEGAN and event.where == "local"]
    assert [event.left for event in began][-6:] == [6, 5, 4, 3, 2, 1]


def test_what_an_ending_worker_leaves_is_collected_by_the_next(desk: Desk) -> None:
    order_id = desk.submit(FP32, seconds=_LONG_S, mode="paced").order.order_id
    with desk.working():
        desk.until(BEGAN, order_id)
        until_on_device(desk, order_id)
    (state,) = [state for state in desk.jobs(order_id) if state.job.kind == SESSION]
    assert (state.state, state.attempts) == (READY, 0)
    desk.work()
    (state,) = [state for state in desk.jobs(order_id) if state.job.kind == SESSION]
    assert state.state == DONE
    # Only a re-run because something disturbed it may lie beside it.
    first = [name for name in ran_on_device(desk, studies_of(desk, order_id)) if "-paced-0-0-" in name]
    assert len(first) == 1


def test_a_killed_worker_s_session_is_collected(desk: Desk) -> None:
    order_id = desk.submit(FP32, seconds=_LONG_S, mode="paced").order.order_id
    argv = [sys.executable, "-m", "orchestrator.cli", "worker", "--site", "desk", "--with-local", "--json"]
    killed = subprocess.Popen([*argv, "--results", str(desk.results)], stdout=subprocess.PIPE, text=True)
    try:
        until_on_device(desk, order_id)
        with pytest.raises(BadInput, match=f"already, process {killed.pid}"):
            desk.work()
    finally:
        killed.send_signal(signal.SIGKILL)
        said, _ = killed.communicate()
    assert [json.loads(line)["kind"] for line in said.splitlines()][:2] == ["started", "began"]
    (state,) = [state for state in desk.jobs(order_id) if state.job.kind == SESSION]
    assert state.state == RUNNING
    desk.work()
    (state,) = [state for state in desk.jobs(order_id) if state.job.kind == SESSION]
    assert (state.state, state.attempts) == (DONE, 2)
    assert len([name for name in ran_on_device(desk, studies_of(desk, order_id)) if "-paced-0-0-" in name]) == 1


def until_on_device(desk: Desk, order_id: str) -> None:
    studies = studies_of(desk, order_id)
    give_up_s = time.monotonic() + 300.0
    while not ran_on_device(desk, studies):
        assert time.monotonic() < give_up_s, desk.told
        time.sleep(0.05)


def test_a_cancelled_session_is_let_go(desk: Desk) -> None:
    waits = desk.submit(FP32, seconds=60.0, mode="paced").order.order_id
    with desk.working():
        until_on_device(desk, waits)
        with desk.ledger() as farm:
            now = farm_now(farm, QueueWish())
            assert [each.runs.job.order_id for each in now.devices if each.runs] == [waits]
            told = cancel(farm, [waits], "ann")
        assert list(told.values()) == ["ending"]
        desk.until(ENDED, waits)
    states = {state.job.kind: state for state in desk.jobs(waits)}
    assert states[SESSION].state == CANCELLED
    # The device is anybody's: the next session there ends what was left.
    order_id = desk.submit(FP32).order.order_id
    desk.work()
    assert all(state.state == DONE for state in desk.jobs(order_id))


def test_a_refused_export_fails_what_needs_it_and_says_why(desk: Desk) -> None:
    order_id = desk.submit(Recipe.parse("onnx:int4-weight")).order.order_id
    desk.work()
    (state,) = [state for state in desk.jobs(order_id) if state.job.kind == SESSION]
    assert state.state == FAILED
    assert "int4-weight was refused" in str(state.reason)


def test_a_job_of_another_earshot_fails_with_what_to_do(desk: Desk) -> None:
    drawn = desk.submit(FP32)
    (job,) = [job for job in drawn.jobs if job.kind == SESSION]
    strange = replace(job, job_id="strange", order_id="later", payload={"model": "mini"})
    with desk.ledger() as farm:
        submit(farm, replace(drawn.order, order_id="later"), [strange])
    desk.work()
    (state,) = desk.jobs("later")
    assert state.state == FAILED
    assert "submit it again" in str(state.reason)


def test_a_model_that_nobody_knows_is_refused_before_anything_is_submitted(desk: Desk) -> None:
    with desk.ledger() as farm:
        before = farm_now(farm, QueueWish(ended=True)).orders
    with pytest.raises(BadInput, match="no model 'minni'"):
        submit_run(desk.results, RunWish("minni", "local", (FP32,)), ME)
    with desk.ledger() as farm:
        assert farm_now(farm, QueueWish(ended=True)).orders == before


def test_a_search_is_done_on_its_device_and_decided_in_the_farm(desk: Desk) -> None:
    constraints = Constraints(max_quality_loss=None)
    wish = TuneWish(
        "mini", (str(FP32),), (), constraints=constraints, budget_s=1.0, paced_s=0.5, rounds=0, allow_suspect=True
    )
    order_id = submit_tune(desk.results, wish, "local", True, ME).order.order_id
    desk.work()
    (state,) = desk.jobs(order_id)
    assert state.state == DONE, state.reason
    assert state.result is not None
    with desk.ledger() as farm:
        decision = farm.decision(state.result["study_id"])
        assert decision is not None
        assert decision.sentence == state.result["sentence"]
        assert farm.sessions(decision.study_id, with_arrays=False)


def test_a_worker_without_devices_leaves_the_site_s_to_others(desk: Desk) -> None:
    (desk.results / "builder").mkdir()
    with desk.ledger() as farm:
        before = site_devices(farm)
        # The same farm from another folder, as another host has it.
        (desk.results / "builder" / "ledger.db").symlink_to(desk.results / "ledger.db")
        work(WorkerSettings("desk", results=desk.results / "builder", once=True), desk.told.append, threading.Event())
        assert site_devices(farm) == before != []


def test_a_worker_with_nothing_to_serve_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is nothing to serve"):
        work(WorkerSettings("x", results=tmp_path, exports=0), lambda event: None, threading.Event())
    with pytest.raises(BadInput, match="name of a site"):
        WorkerSettings("two words", results=tmp_path)
