"""The farm's queue in the ledger: whose turn it is, who may end a job, what becomes of those that need it."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from orchestrator.domain.job import (
    CANCELLED,
    DONE,
    EXPIRED,
    EXPORT,
    EXPORT_QUEUE,
    FAILED,
    NIGHTLY,
    READY,
    RUNNING,
    SESSION,
    WAITING,
    Job,
    JobState,
    Outcome,
    device_queue,
)
from orchestrator.errors import BadInput, LedgerError
from orchestrator.ledger.farm_tables import JobRow, WorkerRow
from orchestrator.ledger.job_turns import (
    MOST_ATTEMPTS,
    asked_to_end,
    claim,
    finish,
    give_back,
    ready_by_queue,
    return_unknown,
)
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.orders import Order, cancel, jobs, order, orders, submit
from orchestrator.ledger.workers import announce, beat_worker, begin_worker, end_worker, site_devices, workers

pytestmark = pytest.mark.usefixtures("both_stores")
PI = device_queue("pi5")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db") as opened:
        yield opened


@pytest.fixture
def worker(ledger: Ledger) -> str:
    return begin_worker(ledger, "berlin", "berlin/host/folder", {})


def _order(name: str = "one", user: str = "ada") -> Order:
    return Order(name, user, "run", f"run {name}")


def _job(name: str, order_id: str = "one", **more: Any) -> Job:
    more.setdefault("kind", SESSION)
    more.setdefault("queue", PI)
    more.setdefault("user", "ada")
    return Job(name, order_id, **more)


def _state(ledger: Ledger, job_id: str) -> str:
    return jobs(ledger, job_ids=[job_id])[0].state


def test_jobs_run_in_the_order_of_their_position(ledger: Ledger, worker: str) -> None:
    submit(ledger, _order(), [_job("b", position=1), _job("a", position=0)])
    first = claim(ledger, PI, worker)
    assert first is not None
    assert first.job.job_id == "a"
    assert first.fence == first.attempts == 1
    assert claim(ledger, PI, worker) is None, "a device does one job at a time"
    assert finish(ledger, first, Outcome({"heard": 3})) == []
    assert jobs(ledger, job_ids=["a"])[0].result == {"heard": 3}
    second = claim(ledger, PI, worker)
    assert second is not None
    assert second.job.job_id == "b"


def test_an_export_queue_serves_many_at_a_time(ledger: Ledger, worker: str) -> None:
    submit(ledger, _order(), [_job(name, kind=EXPORT, queue=EXPORT_QUEUE, position=i) for i, name in enumerate("ab")])
    begun = [claim(ledger, EXPORT_QUEUE, worker) for _ in range(3)]
    assert [each and each.job.job_id for each in begun] == ["a", "b", None]


def test_the_same_work_submitted_twice_is_one_job(ledger: Ledger, worker: str) -> None:
    assert submit(ledger, _order(), [_job("a")]) == ["a"]
    assert submit(ledger, _order("two"), [_job("a", "two"), _job("b", "two")]) == ["b"]
    begun = claim(ledger, PI, worker)
    assert begun is not None
    finish(ledger, begun, Outcome())
    assert submit(ledger, _order("three"), [_job("a", "three")]) == [], "what is done is not done again"


def test_what_failed_is_begun_anew_by_a_new_order(ledger: Ledger, worker: str) -> None:
    submit(ledger, _order(), [_job("a")])
    begun = claim(ledger, PI, worker)
    assert begun is not None
    finish(ledger, begun, Outcome(reason="the exporter refused it"))
    assert _state(ledger, "a") == FAILED
    assert submit(ledger, _order("two", "bob"), [_job("a", "two", user="bob")]) == ["a"]
    again = claim(ledger, PI, worker)
    assert again is not None
    assert again.job.order_id == "two"
    assert again.fence == begun.fence + 1


def test_a_job_waits_for_what_it_needs(ledger: Ledger, worker: str) -> None:
    exports = [_job(name, kind=EXPORT, queue=EXPORT_QUEUE) for name in ("x", "y")]
    submit(ledger, _order(), [*exports, _job("s", needs=("x", "y"))])
    assert _state(ledger, "s") == WAITING
    assert claim(ledger, PI, worker) is None
    x, y = claim(ledger, EXPORT_QUEUE, worker), claim(ledger, EXPORT_QUEUE, worker)
    assert x is not None
    assert y is not None
    assert finish(ledger, x, Outcome()) == [], "one of two is not enough"
    assert finish(ledger, y, Outcome()) == [PI]
    begun = claim(ledger, PI, worker)
    assert begun is not None
    assert begun.job.needs == ("x", "y")
    submit(ledger, _order("two"), [_job("late", "two", needs=("x",))])
    assert _state(ledger, "late") == READY, "what it needs was done before it was submitted"


def test_who_needs_what_failed_fails_too_and_so_on(ledger: Ledger, worker: str) -> None:
    chain = [_job("x", kind=EXPORT, queue=EXPORT_QUEUE), _job("s", needs=("x",)), _job("t", needs=("s",))]
    submit(ledger, _order(), chain)
    begun = claim(ledger, EXPORT_QUEUE, worker)
    assert begun is not None
    finish(ledger, begun, Outcome(reason="no such recipe"))
    told = {each.job.job_id: each for each in jobs(ledger)}
    assert told["t"].state == told["s"].state == FAILED
    assert told["s"].reason == "it needs job x, which is failed: no such recipe"


def test_a_need_that_nobody_submitted_is_refused_and_nothing_is_kept(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="needs ghost, which nobody submitted"):
        submit(ledger, _order(), [_job("a"), _job("s", needs=("ghost",))])
    assert jobs(ledger) == []
    assert orders(ledger) == []


def test_interactive_goes_before_nightly(ledger: Ledger, worker: str) -> None:
    submit(ledger, _order("night"), [_job("n", "night", priority=NIGHTLY)])
    submit(ledger, _order("now"), [_job("i", "now")])
    begun = claim(ledger, PI, worker)
    assert begun is not None
    assert begun.job.job_id == "i"


def test_who_used_less_of_a_device_goes_first(ledger: Ledger, worker: str) -> None:
    submit(ledger, _order("ada"), [_job(f"a{i}", "ada", position=i) for i in range(2)])
    first = claim(ledger, PI, worker)
    assert first is not None
    with ledger.transaction() as connection:
        long_ago = JobRow.started_utc_s - 100.0
        connection.execute(update(JobRow).where(JobRow.job_id == "a0").values(started_utc_s=long_ago))
    finish(ledger, first, Outcome())
    submit(ledger, _order("bob", "bob"), [_job("b0", "bob", user="bob")])
    begun = claim(ledger, PI, worker)
    assert begun is not None
    assert begun.job.job_id == "b0"


def test_only_the_newest_fence_ends_a_job(ledger: Ledger, worker: str) -> None:
    submit(ledger, _order(), [_job("a")])
    first = claim(ledger, PI, worker)
    assert first is not None
    # Its place is taken by a new process: it was killed.
    second_worker = begin_worker(ledger, "berlin", "berlin/host/folder", {})
    assert not beat_worker(ledger, worker)
    assert beat_worker(ledger, second_worker)
    assert ready_by_queue(ledger) == {PI: 1}
    second = claim(ledger, PI, second_worker)
    assert second is not None
    assert second.fence == 2
    assert finish(ledger, first, Outcome({"from": "the dead"})) is None
    assert _state(ledger, "a") == RUNNING
    assert finish(ledger, second, Outcome({"from": "the living"})) == []
    assert jobs(ledger)[0].result == {"from": "the living"}


def test_a_worker_that_is_silent_for_long_is_lost(ledger: Ledger, worker: str) -> None:
    submit(ledger, _order(), [_job("a")])
    assert claim(ledger, PI, worker) is not None
    other = begin_worker(ledger, "berlin", "berlin/second-host/folder", {})
    assert claim(ledger, PI, other) is None
    with ledger.transaction() as connection:
        silent = WorkerRow.heard_utc_s - 1000.0
        connection.execute(update(WorkerRow).where(WorkerRow.worker_id == worker).values(heard_utc_s=silent))
    assert [each.alive for each in workers(ledger)] == [False, True]
    begun = claim(ledger, PI, other)
    assert begun is not None
    assert begun.attempts == 2


def test_a_job_that_ends_its_workers_fails_in_the_end(ledger: Ledger) -> None:
    submit(ledger, _order(), [_job("a"), _job("b", needs=("a",))])
    for _ in range(MOST_ATTEMPTS):
        assert claim(ledger, PI, begin_worker(ledger, "berlin", "here", {})) is not None
    assert claim(ledger, PI, begin_worker(ledger, "berlin", "here", {})) is None
    assert _state(ledger, "a") == FAILED
    assert _state(ledger, "b") == FAILED


def test_what_may_go_well_another_time_is_tried_again_later(ledger: Ledger, worker: str) -> None:
    submit(ledger, _order(), [_job("a")])
    begun = claim(ledger, PI, worker)
    assert begun is not None
    assert finish(ledger, begun, Outcome(reason="the device is away", again=True)) == [PI]
    assert _state(ledger, "a") == READY
    assert claim(ledger, PI, worker) is None, "not at once"
    with ledger.transaction() as connection:
        connection.execute(update(JobRow).values(not_before_utc_s=0.0))
    again = claim(ledger, PI, worker)
    assert again is not None
    assert again.attempts == 2


def test_what_was_given_back_was_not_begun(ledger: Ledger, worker: str) -> None:
    submit(ledger, _order(), [_job("a")])
    begun = claim(ledger, PI, worker)
    assert begun is not None
    assert give_back(ledger, begun)
    assert not give_back(ledger, begun)
    again = claim(ledger, PI, worker)
    assert again is not None
    assert again.attempts == 1
    assert again.fence == 2


def test_a_begin_whose_answer_was_lost_is_undone(ledger: Ledger, worker: str) -> None:
    submit(ledger, _order(), [_job("a"), _job("b", queue=device_queue("pi4"))])
    # The ledger began it, and the link was cut before the worker heard of it.
    assert claim(ledger, PI, worker) is not None
    known = claim(ledger, device_queue("pi4"), worker)
    assert known is not None
    return_unknown(ledger, worker, lambda queue, job_id: job_id == "b")
    assert _state(ledger, "b") == RUNNING
    again = claim(ledger, PI, worker)
    assert again is not None
    assert (again.job.job_id, again.attempts, again.fence) == ("a", 1, 2)


def test_a_deadline_that_passed(ledger: Ledger, worker: str) -> None:
    submit(ledger, _order(), [_job("late", deadline_utc_s=1.0), _job("after", needs=("late",))])
    assert claim(ledger, PI, worker) is None
    assert _state(ledger, "late") == EXPIRED
    assert _state(ledger, "after") == FAILED


def test_cancelled_before_and_while_it_runs(ledger: Ledger, worker: str) -> None:
    submit(ledger, _order(), [_job("a", position=0), _job("b", position=1), _job("c", needs=("b",))])
    begun = claim(ledger, PI, worker)
    assert begun is not None
    assert cancel(ledger, ["a", "b", "ghost"], "ada changed her mind") == {"a": RUNNING, "b": CANCELLED}
    assert asked_to_end(ledger, worker) == {"a"}
    assert _state(ledger, "c") == FAILED
    finish(ledger, begun, Outcome(reason="ended because it was cancelled"))
    assert _state(ledger, "a") == CANCELLED
    assert cancel(ledger, ["a"], "again") == {}


def test_cancelled_and_its_worker_was_lost_or_gave_it_back(ledger: Ledger, worker: str) -> None:
    pi4 = device_queue("pi4")
    submit(ledger, _order(), [_job("a"), _job("b", queue=pi4)])
    lost, given_back = claim(ledger, PI, worker), claim(ledger, pi4, worker)
    assert lost is not None
    assert given_back is not None
    cancel(ledger, ["a", "b"], "ada changed her mind")
    assert give_back(ledger, given_back)
    another = begin_worker(ledger, "berlin", "berlin/host/folder", {})
    assert claim(ledger, PI, another) is None
    assert claim(ledger, pi4, another) is None
    assert {_state(ledger, "a"), _state(ledger, "b")} == {CANCELLED}


def test_what_was_done_before_the_wish_to_cancel_came_is_done(ledger: Ledger, worker: str) -> None:
    submit(ledger, _order(), [_job("a")])
    begun = claim(ledger, PI, worker)
    assert begun is not None
    cancel(ledger, ["a"], "too late")
    finish(ledger, begun, Outcome({"heard": 1}))
    assert _state(ledger, "a") == DONE


def test_many_claim_at_once_and_each_job_is_begun_once(ledger: Ledger) -> None:
    count = 24
    submit(ledger, _order(), [_job(str(i), kind=EXPORT, queue=EXPORT_QUEUE, position=i) for i in range(count)])
    begun: list[str] = []

    def work(worker: str) -> None:
        while (each := claim(ledger, EXPORT_QUEUE, worker)) is not None:
            begun.append(each.job.job_id)
            finish(ledger, each, Outcome())

    threads = [threading.Thread(target=work, args=(begin_worker(ledger, "s", f"host {i}", {}),)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(begun, key=int) == [str(i) for i in range(count)]


def test_needs_that_end_at_the_same_time_free_who_waits(ledger: Ledger) -> None:
    for turn in range(5):
        name = f"order {turn}"
        both = [_job(f"{turn} {side}", name, kind=EXPORT, queue=EXPORT_QUEUE) for side in ("x", "y")]
        submit(ledger, _order(name), [*both, _job(f"{turn} s", name, needs=tuple(each.job_id for each in both))])
        worker = begin_worker(ledger, "s", "host", {})
        begun = [claim(ledger, EXPORT_QUEUE, worker) for _ in both]
        freed: list[list[str] | None] = []

        def done(each: JobState | None, freed: list[list[str] | None] = freed) -> None:
            assert each is not None
            freed.append(finish(ledger, each, Outcome()))

        threads = [threading.Thread(target=done, args=(each,)) for each in begun]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sorted(freed, key=str) == [[PI], []]
        assert _state(ledger, f"{turn} s") == READY


def test_orders_are_told_newest_first(ledger: Ledger) -> None:
    for name in ("one", "two"):
        submit(ledger, _order(name), [_job(name, name)])
    assert [each.order_id for each in orders(ledger)] == ["two", "one"]
    found = order(ledger, "one")
    assert found is not None
    assert found.user == "ada"
    assert found.submitted_utc_s > 0
    assert order(ledger, "ghost") is None


def test_a_device_belongs_to_one_site(ledger: Ledger) -> None:
    announce(ledger, "berlin", {"pi5": {"tags": ["pi"]}, "pi4": {}})
    announce(ledger, "berlin", {"pi5": {"tags": ["pi"]}})
    with pytest.raises(BadInput, match="site berlin has a device 'pi5' already"):
        announce(ledger, "porto", {"pi5": {}})
    assert [(each.device, each.site) for each in site_devices(ledger)] == [("pi5", "berlin")]
    worker = begin_worker(ledger, "berlin", "here", {"devices": ["pi5"]})
    end_worker(ledger, worker)
    assert [each.ended for each in workers(ledger)] == [True]


@pytest.mark.parametrize(
    "bad", [{"kind": "dance"}, {"queue": "a b"}, {"position": -1}, {"user": ""}], ids=lambda bad: next(iter(bad))
)
def test_a_job_says_what_is_wrong_with_it(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        _job("a", **bad)
