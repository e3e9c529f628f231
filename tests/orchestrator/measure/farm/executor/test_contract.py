"""What both executors promise, run over both: in one process on a file, and by Procrastinate on a PostgreSQL."""

import itertools
import subprocess
import sys
import threading
from pathlib import Path

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
    JobState,
    Outcome,
    device_queue,
)
from orchestrator.errors import ExportFailed, Unreachable
from orchestrator.ledger.farm_tables import JobRow
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.orders import cancel, jobs
from orchestrator.ledger.orders import submit as submit_to_ledger
from orchestrator.ledger.workers import begin_worker
from orchestrator.measure.farm.executor.base import Executor, Pace, Stop
from orchestrator.measure.farm.executor.choice import executor_of
from tests.orchestrator.measure.farm.executor.work import (
    FAST,
    NANO,
    PATIENCE_S,
    PI,
    Diary,
    job,
    order,
    serving,
    state,
    states,
    until,
)


def do_all(ledger: Ledger, executor: Executor, diary: Diary, *queues: str) -> None:
    with serving(ledger, executor, diary, queues or (PI, NANO), until_idle=True) as worker:
        worker.join()
    assert worker.error is None


def test_a_device_does_one_job_after_another_in_their_order(ledger: Ledger, executor: Executor) -> None:
    diary = Diary(takes_s=0.01)
    executor.submit(order(), [job(f"{queue} {i}", queue=queue, position=i) for queue in (PI, NANO) for i in range(5)])
    do_all(ledger, executor, diary)
    for queue in (PI, NANO):
        assert [begun.job.position for begun, _, _ in diary.of(queue)] == list(range(5))
        for (_, _, end_s), (_, begin_s, _) in itertools.pairwise(diary.of(queue)):
            assert end_s <= begin_s
    assert set(states(ledger).values()) == {DONE}


@pytest.mark.parametrize("queues", [(PI, NANO), (EXPORT_QUEUE, EXPORT_QUEUE)], ids=["devices", "exports"])
def test_several_devices_work_at_once_and_so_do_exports(
    ledger: Ledger, executor: Executor, queues: tuple[str, str]
) -> None:
    both = threading.Barrier(2, timeout=PATIENCE_S)

    def meets(begun: JobState, stop: Stop) -> None:
        both.wait()

    executor.submit(order(), [job(f"{i}", queue=queue, kind=EXPORT) for i, queue in enumerate(queues)])
    do_all(ledger, executor, Diary(does=meets), *sorted(set(queues)))
    assert set(states(ledger).values()) == {DONE}


def test_a_queue_that_is_not_served_waits(ledger: Ledger, executor: Executor) -> None:
    executor.submit(order(), [job("mine"), job("another's", queue=NANO)])
    do_all(ledger, executor, Diary(), PI)
    assert states(ledger) == {"mine": DONE, "another's": READY}


def test_what_needs_an_export_waits_for_it(ledger: Ledger, executor: Executor) -> None:
    diary = Diary()
    exports = [job(name, kind=EXPORT, queue=EXPORT_QUEUE) for name in ("x", "y")]
    executor.submit(order(), [job("s", needs=("x", "y")), *exports])
    do_all(ledger, executor, diary, PI, EXPORT_QUEUE)
    assert diary.order[-1] == "s"
    assert set(states(ledger).values()) == {DONE}


def test_what_somebody_waits_for_goes_between_two_of_a_night(ledger: Ledger, executor: Executor) -> None:
    first, go_on = threading.Event(), threading.Event()

    def waits(begun: JobState, stop: Stop) -> None:
        first.set()
        assert go_on.wait(PATIENCE_S)

    diary = Diary(does=waits)
    executor.submit(order("night"), [job(f"n{i}", "night", position=i, priority=NIGHTLY) for i in range(3)])
    with serving(ledger, executor, diary):
        assert first.wait(PATIENCE_S)
        executor.submit(order("now"), [job("i", "now")])
        go_on.set()
        until(lambda: len(diary.entries) == 4)
    assert diary.order == ["n0", "i", "n1", "n2"]


def test_who_had_less_of_a_device_goes_first(ledger: Ledger, executor: Executor) -> None:
    def takes_long(begun: JobState, stop: Stop) -> None:
        if begun.job.job_id == "a0":
            executor.submit(order("bob", "bob"), [job("b0", "bob", user="bob")])
            with ledger.transaction() as connection:
                long_ago = JobRow.started_utc_s - 100.0
                connection.execute(update(JobRow).where(JobRow.job_id == "a0").values(started_utc_s=long_ago))

    diary = Diary(does=takes_long)
    executor.submit(order("ada"), [job(f"a{i}", "ada", position=i) for i in range(3)])
    do_all(ledger, executor, diary)
    assert diary.order == ["a0", "b0", "a1", "a2"]


def test_what_is_past_its_deadline_is_not_begun(ledger: Ledger, executor: Executor) -> None:
    diary = Diary()
    executor.submit(order(), [job("late", deadline_utc_s=1.0), job("after", needs=("late",)), job("on time")])
    do_all(ledger, executor, diary)
    assert states(ledger) == {"late": EXPIRED, "after": FAILED, "on time": DONE}
    assert diary.order == ["on time"]


def test_cancelled_before_and_while_it_runs(ledger: Ledger, executor: Executor) -> None:
    begins = threading.Event()

    def until_cancelled(begun: JobState, stop: Stop) -> Outcome:
        begins.set()
        assert stop.job.wait(PATIENCE_S)
        assert stop.asked
        assert not stop.worker.is_set()
        return Outcome(reason="ended, as it was asked to")

    executor.submit(order(), [job("runs"), job("waits", position=1)])
    with serving(ledger, executor, Diary(does=until_cancelled)):
        assert begins.wait(PATIENCE_S)
        cancel(ledger, ["runs", "waits"], "ada changed her mind")
        until(lambda: state(ledger, "runs").ended)
    assert states(ledger) == {"runs": CANCELLED, "waits": CANCELLED}
    assert state(ledger, "runs").reason == "ended, as it was asked to"


def test_one_cancelled_job_is_not_another_s_end(ledger: Ledger, executor: Executor) -> None:
    begins = threading.Barrier(3, timeout=PATIENCE_S)
    other = threading.Event()

    def waits(begun: JobState, stop: Stop) -> Outcome:
        begins.wait()
        assert (stop.job if begun.job.job_id == "a" else other).wait(PATIENCE_S)
        assert stop.job.is_set() == (begun.job.job_id == "a")
        return Outcome(reason="cancelled") if stop.asked else Outcome()

    executor.submit(order(), [job("a"), job("b", queue=NANO)])
    with serving(ledger, executor, Diary(does=waits)):
        begins.wait()
        cancel(ledger, ["a"], "ada changed her mind")
        until(lambda: state(ledger, "a").ended)
        other.set()
        until(lambda: state(ledger, "b").ended)
    assert states(ledger) == {"a": CANCELLED, "b": DONE}


def test_what_cannot_be_done_has_failed_and_the_worker_goes_on(ledger: Ledger, executor: Executor) -> None:
    def fails(begun: JobState, stop: Stop) -> None:
        if begun.job.job_id == "refused":
            raise ExportFailed("no such operator", hint="name another recipe")
        if begun.job.job_id == "mistaken":
            raise ZeroDivisionError("a mistake of ours")

    executor.submit(order(), [job(name, position=i) for i, name in enumerate(("refused", "mistaken", "fine"))])
    do_all(ledger, executor, Diary(does=fails))
    assert states(ledger) == {"refused": FAILED, "mistaken": FAILED, "fine": DONE}
    assert state(ledger, "refused").reason == "no such operator (name another recipe)"
    assert "ZeroDivisionError in " in str(state(ledger, "mistaken").reason)
    assert "test_contract.py" in str(state(ledger, "mistaken").reason)


def test_a_device_that_was_away_is_tried_again(ledger: Ledger, executor: Executor) -> None:
    def is_away_at_first(begun: JobState, stop: Stop) -> None:
        if begun.attempts == 1:
            raise Unreachable("pi5 does not answer")

    diary = Diary(does=is_away_at_first)
    executor.submit(order(), [job("a")])
    do_all(ledger, executor, diary)
    assert state(ledger, "a").state == DONE
    assert state(ledger, "a").attempts == 2


def test_an_end_that_the_ledger_refuses_is_a_failure(ledger: Ledger, executor: Executor) -> None:
    def says_what_cannot_be_recorded(begun: JobState, stop: Stop) -> Outcome:
        return Outcome({"a set": {1, 2}})

    executor.submit(order(), [job("a"), job("b", queue=NANO)])
    with serving(ledger, executor, Diary(does=says_what_cannot_be_recorded)):
        until(lambda: set(states(ledger).values()) == {FAILED})
    assert "cannot write to the ledger" in str(state(ledger, "a").reason)


def test_two_workers_never_do_one_job_twice(folder: Path, ledger: Ledger, executor: Executor) -> None:
    diary, devices = Diary(takes_s=0.002), [device_queue(f"d{i}") for i in range(4)]
    plan = [job(f"{queue} {i}", queue=queue, position=i) for queue in (*devices, EXPORT_QUEUE) for i in range(8)]
    executor.submit(order(), plan)
    queues = (*devices, EXPORT_QUEUE)
    with Ledger.open(folder / "ledger.db") as second:
        other = executor_of(second, FAST)
        with serving(ledger, executor, diary, queues, "first"), serving(second, other, diary, queues, "second"):
            until(lambda: set(states(ledger).values()) == {DONE})
    assert sorted(diary.order) == sorted(each.job_id for each in plan)
    assert {each.attempts for each in jobs(ledger)} == {1}
    for queue in devices:
        for (_, _, end_s), (_, begin_s, _) in itertools.pairwise(diary.of(queue)):
            assert end_s <= begin_s


@pytest.mark.parametrize("place", ["the same place", "elsewhere"])
def test_what_a_killed_worker_had_begun_is_done_by_the_next(
    folder: Path, ledger: Ledger, executor: Executor, place: str
) -> None:
    diary = Diary()
    executor.submit(order(), [job("a"), job("b", position=1)])
    argv = [sys.executable, "-m", "tests.orchestrator.measure.farm.executor.serve", str(folder), "the same place"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == "a\n"
        killed.kill()
        killed.wait()
    with serving(ledger, executor, diary, place=place):
        until(lambda: set(states(ledger).values()) == {DONE})
    assert diary.order == ["a", "b"]
    assert [state(ledger, name).attempts for name in "ab"] == [2, 1]


def test_what_was_begun_ends_before_the_worker(ledger: Ledger, executor: Executor) -> None:
    begins, ends = threading.Event(), threading.Event()

    def takes_its_time(begun: JobState, stop: Stop) -> None:
        begins.set()
        assert stop.worker.wait(PATIENCE_S)
        assert stop.asked
        assert ends.wait(PATIENCE_S)

    executor.submit(order(), [job("a"), job("b", position=1)])
    with serving(ledger, executor, Diary(does=takes_its_time)) as worker:
        assert begins.wait(PATIENCE_S)
        worker.stop.set()
        ends.set()
        worker.join()
    assert states(ledger) == {"a": DONE, "b": READY}
    assert worker.error is None
    do_all(ledger, executor, Diary())
    assert states(ledger) == {"a": DONE, "b": DONE}


def test_what_others_submit_and_free_is_seen(folder: Path, ledger: Ledger, executor: Executor) -> None:
    diary = Diary()
    with Ledger.open(folder / "ledger.db") as second, serving(ledger, executor, diary):
        executor_of(second, FAST).submit(order(), [job("a")])
        until(lambda: diary.order == ["a"])
        submit_to_ledger(second, order("untold"), [job("b", "untold")])
        until(lambda: diary.order == ["a", "b"])


def test_a_submit_wakes_who_looks_seldom(folder: Path, ledger: Ledger) -> None:
    diary, seldom = Diary(), Pace(look_s=4 * PATIENCE_S)
    executor = executor_of(ledger, seldom)
    with serving(ledger, executor, diary):
        for name in "abc":
            executor.submit(order(name), [job(name, name)])
            until(lambda name=name: diary.order[-1:] == [name])  # type: ignore[misc]


def test_who_lost_its_place_ends(ledger: Ledger, executor: Executor) -> None:
    begins = threading.Event()

    def until_told(begun: JobState, stop: Stop) -> None:
        begins.set()
        assert stop.job.wait(PATIENCE_S)

    executor.submit(order(), [job("a")])
    with serving(ledger, executor, Diary(does=until_told)) as worker:
        assert begins.wait(PATIENCE_S)
        begin_worker(ledger, "berlin", "here", {})
        worker.join()
    assert "another worker has taken this one's place" in str(worker.error)


@pytest.mark.parametrize("bad", [{"look_s": 0.0}, {"beat_s": -1.0}, {"shared_at_once": 0}])
def test_a_pace_says_what_is_wrong_with_it(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="a pace is times > 0"):
        Pace(**bad)  # type: ignore[arg-type]
