"""What only the executor on a PostgreSQL can meet: servers that restart, links that end, tickets that are not true."""

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from orchestrator.domain.job import DONE, EXPORT_QUEUE, JobState, Outcome, device_queue
from orchestrator.errors import LedgerAway, LedgerError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.orders import jobs
from orchestrator.ledger.orders import submit as submit_to_ledger
from orchestrator.measure.farm.executor.base import Stop
from orchestrator.measure.farm.executor.procrastinate import Procrastinate
from orchestrator.measure.farm.executor.tickets import drop, in_our_words, issue, name_of, prepare, tickets
from tests.orchestrator.measure.farm.executor.work import (
    FAST,
    NANO,
    PATIENCE_S,
    PI,
    Diary,
    job,
    order,
    serving,
    states,
    until,
)
from tests.postgres import Postgres, postgres

DEVICES = [device_queue(f"d{i}") for i in range(3)]
# What was committed is there after a crash of the server. The machine does not crash, so nothing need reach the disk.
DURABLE = ("fsync=off", "max_connections=100")


def attached(folder: Path, url: str) -> Path:
    (folder / "ledger.url").write_text(url + "\n")
    return folder / "ledger.db"


@pytest.fixture
def ledger(tmp_path: Path, postgresql: Postgres) -> Iterator[Ledger]:
    with Ledger.open(attached(tmp_path, postgresql.empty())) as opened:
        yield opened


@pytest.fixture
def executor(ledger: Ledger) -> Procrastinate:
    return Procrastinate(ledger, FAST)


def all_done(ledger: Ledger) -> bool:
    return set(states(ledger).values()) == {DONE}


def test_a_database_that_crashes_and_comes_back(tmp_path: Path) -> None:
    with postgres(DURABLE) as server:
        path = attached(tmp_path, server.empty())
        with Ledger.open(path) as ledger:
            _through_a_crash(ledger, server)


def _through_a_crash(ledger: Ledger, server: Postgres) -> None:
    executor = Procrastinate(ledger, FAST)
    begins, ends = threading.Barrier(len(DEVICES) + 1, timeout=PATIENCE_S), threading.Event()

    def first_waits(begun: JobState, stop: Stop) -> None:
        if begun.job.position == 0:
            begins.wait()
            assert ends.wait(PATIENCE_S)

    diary = Diary(does=first_waits)
    executor.submit(order(), [job(f"{queue} {i}", queue=queue, position=i) for queue in DEVICES for i in range(3)])
    with serving(ledger, executor, diary, DEVICES) as worker:
        begins.wait()
        server.stop("immediate")
        until(lambda: bool(worker.away))
        # They end while nobody can be told.
        ends.set()
        until(lambda: len(diary.entries) == len(DEVICES))
        server.start()
        until(lambda: worker.away[-1] is None)
        until(lambda: all_done(ledger))
        executor.submit(order("later"), [job("after", "later", queue=DEVICES[0], position=1)])
        until(lambda: all_done(ledger))
    assert worker.error is None
    assert "cannot" in str(worker.away[0])
    assert worker.away[1:] == [None]
    assert sorted(diary.order) == sorted(each.job.job_id for each in jobs(ledger)), "each was done once"
    assert {each.attempts for each in jobs(ledger)} == {1}


def test_a_worker_that_is_asked_to_end_while_the_database_is_away_ends(tmp_path: Path) -> None:
    begins = threading.Event()

    def until_asked(begun: JobState, stop: Stop) -> None:
        begins.set()
        assert stop.worker.wait(PATIENCE_S)

    with postgres(DURABLE) as server, Ledger.open(attached(tmp_path, server.empty())) as ledger:
        executor = Procrastinate(ledger, FAST)
        executor.submit(order(), [job("a")])
        with serving(ledger, executor, Diary(does=until_asked)) as worker:
            assert begins.wait(PATIENCE_S)
            server.stop("immediate")
            until(lambda: bool(worker.away))
        assert worker.error is None
        server.start()
        diary = Diary()
        with serving(ledger, executor, diary):
            until(lambda: all_done(ledger))
        assert diary.order == ["a"], "its end was not told, so the next worker does it again"


def test_connections_that_end_are_made_anew(ledger: Ledger, executor: Procrastinate, postgresql: Postgres) -> None:
    diary = Diary()
    with serving(ledger, executor, diary):
        for number in range(3):
            executor.submit(order(f"{number}"), [job(f"{number}", f"{number}")])
            until(lambda number=number: len(diary.entries) == number + 1)  # type: ignore[misc]
            with postgresql.connect() as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'earshot'"
                )
    until(lambda: all_done(ledger))
    assert sorted(diary.order) == ["0", "1", "2"]


def test_lost_tickets_are_missed(ledger: Ledger, executor: Procrastinate) -> None:
    diary = Diary()
    executor.submit(order(), [job("a"), job("b", queue=NANO), job("x", queue=EXPORT_QUEUE)])
    assert len(tickets(ledger)) == 3
    drop(ledger, [ticket.ticket_id for ticket in tickets(ledger)])
    with serving(ledger, executor, diary, (PI, NANO, EXPORT_QUEUE)):
        until(lambda: all_done(ledger))
        submit_to_ledger(ledger, order("untold"), [job("c", "untold")])
        until(lambda: all_done(ledger))
    assert sorted(diary.order) == ["a", "b", "c", "x"]


def test_doubled_tickets_do_nothing_twice(ledger: Ledger, executor: Procrastinate) -> None:
    diary = Diary(takes_s=0.01)
    queues = (PI, NANO, EXPORT_QUEUE)
    executor.submit(order(), [job(f"{queue} {i}", queue=queue, position=i) for queue in queues for i in range(4)])
    with ledger.transaction() as connection:
        again = "SELECT queue_name, task_name, args, {lock} FROM procrastinate_jobs"
        into = "INSERT INTO procrastinate_jobs (queue_name, task_name, args, lock) "
        for lock in ("lock", "NULL"):
            connection.execute(text(into + again.format(lock=lock)))
    with serving(ledger, executor, diary, queues):
        until(lambda: all_done(ledger))
        until(lambda: tickets(ledger) == [])
    assert len(diary.entries) == 12
    assert {each.attempts for each in jobs(ledger)} == {1}


def test_a_ticket_that_nobody_holds_any_more_keeps_no_device(ledger: Ledger, executor: Procrastinate) -> None:
    diary = Diary()
    executor.submit(order(), [job("a")])
    with ledger.transaction() as connection:
        # As a worker does that is killed: it had said that it was alive a moment ago.
        worker = connection.execute(text("SELECT worker_id FROM procrastinate_register_worker_v1()")).scalar_one()
        taken = text("SELECT id FROM procrastinate_fetch_job_v2(ARRAY[:queue]::varchar[], :worker)")
        assert connection.execute(taken, {"queue": PI, "worker": worker}).scalar_one() is not None
    assert [ticket.held for ticket in tickets(ledger)] == [True]
    with serving(ledger, executor, diary):
        until(lambda: all_done(ledger))


def test_a_device_s_queue_has_one_ticket_and_another_as_many_as_jobs(ledger: Ledger) -> None:
    prepare(ledger)
    for _ in range(2):
        issue(ledger, {PI: 20, EXPORT_QUEUE: 3})
    assert sorted(ticket.name for ticket in tickets(ledger)) == [PI, *[EXPORT_QUEUE] * 3]
    issue(ledger, {EXPORT_QUEUE: 10_000})
    assert len(tickets(ledger)) < 100, "more are issued when these were taken"


def test_names_that_postgresql_would_cut(ledger: Ledger, executor: Procrastinate) -> None:
    queues = [device_queue("x" * 150 + end) for end in "ab"]
    assert len({name_of(queue) for queue in queues}) == 2
    assert max(len(name_of(queue)) for queue in queues) <= 40
    diary = Diary()
    with serving(ledger, executor, diary, queues):
        executor.submit(order(), [job(f"{i}", queue=queue) for i, queue in enumerate(queues)])
        until(lambda: all_done(ledger))
    assert {begun.job.queue for begun, _, _ in diary.entries} == set(queues)


def test_many_workers_make_procrastinate_s_tables_at_once(ledger: Ledger) -> None:
    failed: list[LedgerError] = []

    def make() -> None:
        try:
            prepare(ledger)
        except LedgerError as exc:
            failed.append(exc)

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert failed == []
    assert tickets(ledger) == []


def test_two_farms_in_one_database_do_not_meet(tmp_path: Path, postgresql: Postgres) -> None:
    farms = [tmp_path / "one", tmp_path / "two"]
    for farm in farms:
        farm.mkdir()
    with (
        Ledger.open(attached(farms[0], postgresql.empty())) as one,
        Ledger.open(attached(farms[1], postgresql.empty())) as two,
    ):
        diary = Diary()
        Procrastinate(two, FAST).submit(order(), [job("a")])
        with serving(one, Procrastinate(one, FAST), diary):
            Procrastinate(one, FAST).submit(order(), [job("a")])
            until(lambda: all_done(one))
        assert len(diary.entries) == 1
        assert not all_done(two)


def test_its_errors_are_the_ledger_s(ledger: Ledger) -> None:
    prepare(ledger)
    with ledger.transaction() as connection:
        connection.execute(text("ALTER TABLE procrastinate_jobs RENAME TO taken_away"))
    with pytest.raises(LedgerError, match="procrastinate_jobs"):
        issue(ledger, {PI: 1})
    with pytest.raises(LedgerError, match="procrastinate_jobs"):
        tickets(ledger)
    with pytest.raises(LedgerAway, match="cannot reach"), in_our_words(ledger.place):
        raise psycopg.OperationalError("the connection is lost")


def test_a_refused_ticket_is_told_as_being_away(ledger: Ledger, executor: Procrastinate) -> None:
    """Submitted is submitted; a worker that cannot take tickets says why, and goes on trying."""
    with ledger.transaction() as connection:
        connection.execute(text("ALTER TABLE procrastinate_jobs RENAME TO taken_away"))
    assert executor.submit(order(), [job("a")]) == ["a"]
    with serving(ledger, executor, Diary()) as worker:
        until(lambda: bool(worker.away))
        assert "procrastinate_jobs" in str(worker.away[0])
        with ledger.transaction() as connection:
            connection.execute(text("ALTER TABLE taken_away RENAME TO procrastinate_jobs"))
        until(lambda: all_done(ledger))
    assert worker.away[-1] is None


def test_an_outcome_of_a_job_that_another_began_since_counts_for_nothing(
    ledger: Ledger, executor: Procrastinate
) -> None:
    begins, ends = threading.Event(), threading.Event()

    def slow(begun: JobState, stop: Stop) -> Outcome:
        begins.set()
        assert ends.wait(PATIENCE_S)
        return Outcome({"from": "the slow"})

    executor.submit(order(), [job("a")])
    with serving(ledger, executor, Diary(does=slow), place="slow"):
        assert begins.wait(PATIENCE_S)
        with ledger.transaction() as connection:
            connection.execute(text("UPDATE farm_workers SET heard_utc_s = 0, ttl_s = 0.001"))
        fast = Diary(does=lambda begun, stop: Outcome({"from": "the fast"}))
        with serving(ledger, Procrastinate(ledger, FAST), fast, place="fast"):
            until(lambda: all_done(ledger))
        ends.set()
    assert jobs(ledger)[0].result == {"from": "the fast"}
