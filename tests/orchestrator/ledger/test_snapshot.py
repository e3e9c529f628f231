"""A site's copy of its queues, worked from while the farm is away, and settled when it is back."""

from typing import Any

import pytest
from sqlalchemy import event, select, update

from orchestrator.domain.job import (
    CANCELLED,
    DONE,
    EXPIRED,
    EXPORT,
    EXPORT_QUEUE,
    FAILED,
    READY,
    RUNNING,
    SESSION,
    WAITING,
    Job,
    JobState,
    Outcome,
    device_queue,
)
from orchestrator.ledger import snapshot as snapshots
from orchestrator.ledger.farm_tables import JobRow
from orchestrator.ledger.job_turns import claim, finish
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.orders import Order, cancel, jobs, orders, submit
from orchestrator.ledger.settle import Settled, settle
from orchestrator.ledger.snapshot import refresh, taken_utc_s
from orchestrator.ledger.workers import begin_worker, end_worker

PI, OTHER = device_queue("pi5"), device_queue("elsewhere")
PLACE = "berlin host folder"


@pytest.fixture
def worker(farm: Ledger) -> str:
    return begin_worker(farm, "berlin", PLACE, {})


def put(farm: Ledger, *made: Job, order_id: str = "one") -> None:
    submit(farm, Order(order_id, "ada", "run", f"run {order_id}", {"model": "kws"}), made)


def job(name: str, position: int = 0, **more: Any) -> Job:
    return Job(name, **{"order_id": "one", "kind": SESSION, "queue": PI, "user": "ada", "position": position, **more})


def states(ledger: Ledger) -> dict[str, str]:
    return {each.job.job_id: each.state for each in jobs(ledger)}


def look(site: Ledger, farm: Ledger, *queues: str) -> "snapshots.Snapshot":
    return refresh(site, farm, queues or (PI,), PLACE)


def begin(ledger: Ledger, queue: str, worker: str) -> JobState:
    begun = claim(ledger, queue, worker)
    assert begun is not None
    return begun


def do(ledger: Ledger, worker: str, outcome: Outcome | None = None, queue: str = PI) -> JobState:
    begun = begin(ledger, queue, worker)
    finish(ledger, begun, outcome or Outcome({"heard": 1}))
    return begun


def test_what_is_open_here_and_what_it_needs(site: Ledger, farm: Ledger, worker: str) -> None:
    put(
        farm,
        job("x", kind=EXPORT, queue=EXPORT_QUEUE),
        job("y", kind=EXPORT, queue=EXPORT_QUEUE, position=1),
        job("a", needs=("x",), payload={"mode": "paced"}, deadline_utc_s=4e9),
        job("b", 1, needs=("x", "y")),
        job("theirs", queue=OTHER),
    )
    do(farm, worker, Outcome({"sha256": "ab"}), EXPORT_QUEUE)
    assert taken_utc_s(site) is None
    assert look(site, farm) == snapshots.Snapshot(jobs=2, changed=2)
    assert taken_utc_s(site) is not None
    assert states(site) == {"x": DONE, "y": WAITING, "a": READY, "b": WAITING}
    here, there = ({each.job.job_id: each for each in jobs(ledger)} for ledger in (site, farm))
    assert here["x"].result == {"sha256": "ab"}
    assert here["a"].job == there["a"].job
    assert [each.record for each in orders(site)] == [{"model": "kws"}]


def test_nothing_changed_costs_one_look(
    site: Ledger, farm: Ledger, worker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(farm, *(job(str(i), i) for i in range(20)))
    look(site, farm)
    asked: list[str] = []

    def count(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        asked.append(statement)

    event.listen(farm._engine, "before_cursor_execute", count)
    assert look(site, farm) == snapshots.Snapshot(20, 0)
    assert len([each for each in asked if "farm_jobs" in each]) == 1


def test_what_changed_comes_and_what_ended_vanishes(site: Ledger, farm: Ledger, worker: str) -> None:
    put(farm, job("a"), job("b", 1), job("c", 2))
    look(site, farm)
    cancel(farm, ["b"], "not needed")
    do(farm, worker)
    put(farm, job("d", order_id="two"), order_id="two")
    assert look(site, farm) == snapshots.Snapshot(jobs=2, changed=3)
    assert states(site) == {"c": READY, "d": READY}
    cancel(farm, ["c", "d"], "over")
    assert look(site, farm) == snapshots.Snapshot(0, 2)
    assert states(site) == {}
    assert orders(site) == []


def test_a_queue_that_is_served_no_more_vanishes(site: Ledger, farm: Ledger) -> None:
    put(farm, job("a"), job("o", queue=OTHER))
    assert look(site, farm, PI, OTHER).jobs == 2
    assert look(site, farm, PI).jobs == 1
    assert states(site) == {"a": READY}


def test_our_own_running_job_is_open_here_and_anothers_is_not(site: Ledger, farm: Ledger, worker: str) -> None:
    put(farm, job("mine"), job("theirs", queue=OTHER), job("lost", queue=device_queue("pi4")))
    other, gone = (begin_worker(farm, "berlin", f"berlin {name} folder", {}) for name in ("second", "third"))
    begin(farm, PI, worker)
    begin(farm, OTHER, other)
    begin(farm, device_queue("pi4"), gone)
    end_worker(farm, gone)
    look(site, farm, PI, OTHER, device_queue("pi4"))
    assert states(site) == {"mine": READY, "lost": READY}
    cancel(farm, ["mine"], "asked to end while it runs")
    look(site, farm, PI, OTHER, device_queue("pi4"))
    assert states(site) == {"lost": READY}


def test_clocks_that_differ(site: Ledger, farm: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    put(farm, job("a", deadline_utc_s=4e9), job("b", 1))
    monkeypatch.setattr(snapshots.database, "now_s", lambda _connection: 1000.0)
    monkeypatch.setattr(snapshots.time, "time", lambda: 4600.0)
    look(site, farm)
    found = {each.job.job_id: each.job.deadline_utc_s for each in jobs(site)}
    assert found == {"a": 4e9 + 3600.0, "b": None}


def test_what_was_done_offline_is_settled_once(site: Ledger, farm: Ledger, worker: str) -> None:
    put(farm, job("a"), job("b", 1), job("c", 2), job("after", queue=OTHER, needs=("a",)))
    look(site, farm)
    here = begin_worker(site, "berlin", PLACE, {})
    do(site, here)
    do(site, here, Outcome(reason="the session failed: killed"))
    assert settle(site, farm, PLACE) == Settled(done=1, failed=1, queues=frozenset([OTHER]))
    assert states(farm) == {"a": DONE, "b": FAILED, "c": READY, "after": READY}
    told = {each.job.job_id: each for each in jobs(farm)}
    assert told["a"].result == {"heard": 1}
    assert told["b"].reason == "the session failed: killed"
    assert told["a"].started_utc_s is not None
    assert told["a"].finished_utc_s is not None
    assert told["a"].started_utc_s <= told["a"].finished_utc_s
    assert settle(site, farm, PLACE) == Settled()
    look(site, farm)
    assert states(site) == {"c": READY}


def test_how_it_ended_here_stays_until_it_is_settled(site: Ledger, farm: Ledger, worker: str) -> None:
    put(farm, job("a"), job("b", 1))
    look(site, farm)
    do(site, begin_worker(site, "berlin", PLACE, {}))
    cancel(farm, ["b"], "changes the queue")
    look(site, farm)
    assert states(site) == {"a": DONE}
    assert settle(site, farm, PLACE).done == 1


def test_cancelled_there_while_it_was_done_here(site: Ledger, farm: Ledger, worker: str) -> None:
    put(farm, job("a"), job("b", 1))
    begin(farm, PI, worker)
    look(site, farm)
    here = begin_worker(site, "berlin", PLACE, {})
    do(site, here)
    do(site, here, Outcome(reason="it could not"))
    assert cancel(farm, ["a", "b"], "ada changed her mind") == {"a": RUNNING, "b": CANCELLED}
    # What ran there could not be told in time, and is done; what had not begun there stays cancelled.
    assert settle(site, farm, PLACE) == Settled(done=1, ended_there=1)
    assert states(farm) == {"a": DONE, "b": CANCELLED}


def test_what_another_worker_has_begun_since_is_left_to_it(site: Ledger, farm: Ledger, worker: str) -> None:
    put(farm, job("a"))
    look(site, farm)
    do(site, begin_worker(site, "berlin", PLACE, {}))
    theirs = begin(farm, PI, begin_worker(farm, "berlin", "berlin second folder", {}))
    assert settle(site, farm, PLACE) == Settled(left=1)
    finish(farm, theirs, Outcome({"from": "them"}))
    assert jobs(farm)[0].result == {"from": "them"}


def test_who_had_begun_it_there_before_the_cut_cannot_end_it_afterwards(
    site: Ledger, farm: Ledger, worker: str
) -> None:
    put(farm, job("a"))
    before = begin(farm, PI, worker)
    look(site, farm)
    do(site, begin_worker(site, "berlin", PLACE, {}), Outcome({"from": "here"}))
    assert settle(site, farm, PLACE) == Settled(done=1)
    assert finish(farm, before, Outcome({"from": "before"})) is None
    assert jobs(farm)[0].result == {"from": "here"}


def test_deadlines_hold_offline(site: Ledger, farm: Ledger, worker: str) -> None:
    put(farm, job("late"), job("soon", 1))
    with farm.transaction() as connection:
        connection.execute(update(JobRow).where(JobRow.job_id == "late").values(deadline_utc_s=1.0))
    look(site, farm)
    assert do(site, begin_worker(site, "berlin", PLACE, {})).job.job_id == "soon"
    assert states(site)["late"] == EXPIRED
    assert settle(site, farm, PLACE) == Settled(done=1)
    assert states(farm)["late"] == READY, "the farm's own clock ends it"
    assert site.fetch(select(JobRow.job_id).where(JobRow.state == EXPIRED)) == [("late",)]


def test_exports_done_here_free_their_sessions_here_and_there(site: Ledger, farm: Ledger, worker: str) -> None:
    put(farm, job("x", kind=EXPORT, queue=EXPORT_QUEUE), job("a", needs=("x",)))
    look(site, farm, PI, EXPORT_QUEUE)
    here = begin_worker(site, "berlin", PLACE, {})
    assert claim(site, PI, here) is None
    do(site, here, Outcome({"sha256": "ab"}), EXPORT_QUEUE)
    do(site, here)
    assert settle(site, farm, PLACE) == Settled(done=2, queues=frozenset([PI]))
    assert states(farm) == {"x": DONE, "a": DONE}
