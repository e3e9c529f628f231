"""A site whose farm goes away: it works on from its snapshot, and delivers and settles everything once when it is back.

The database is a PostgreSQL that is killed and started; devices are stood in for by a handler that records sessions.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from orchestrator.domain.job import CANCELLED, DONE, FAILED, READY, SESSION, Job, JobState, Outcome, device_queue
from orchestrator.domain.night import Missing, NightRecord
from orchestrator.domain.study import Study
from orchestrator.errors import LedgerError, StoreError
from orchestrator.ledger import health
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.nights import nights, record_night
from orchestrator.ledger.orders import Order, cancel, jobs, submit
from orchestrator.ledger.spool import spool
from orchestrator.ledger.workers import begin_worker
from orchestrator.measure.farm.executor.base import Handler, Pace, Stop
from orchestrator.measure.farm.executor.choice import executor_of
from orchestrator.measure.farm.executor.in_process import InProcess
from orchestrator.workflows.farm import site_turns as farm_site_turns
from orchestrator.workflows.farm.events import ENDED, STARTED
from orchestrator.workflows.farm.payload import SessionWork, StudyTold
from orchestrator.workflows.farm.site import FarmSite
from orchestrator.workflows.farm.site_turns import SitePace, Turns
from orchestrator.workflows.night_shift import NIGHTLY
from orchestrator.workflows.telemetry import collect
from tests.orchestrator.ledger import ledger_samples as samples
from tests.orchestrator.workflows.farm.desk import FP32, Desk
from tests.orchestrator.workflows.mini import add_mini
from tests.postgres import Postgres, postgres

QUEUE = device_queue("local")
AT = "2026-11-20"
NIGHT = NightRecord("plan", AT, f"{AT}T20:00:00+00:00", "2026-11-21T06:00:00+00:00", 6)
STUDY = StudyTold(
    "s1", "kws", "local", f"{AT}T20:00:00Z", {"workflow": NIGHTLY, "plan": "plan", "night": AT, "mode": "paced"}
)
# What the server said is committed stays so when its processes are killed.
LASTING = ("fsync=off", "synchronous_commit=on", "full_page_writes=off", "max_connections=60")
QUICK = SitePace(away_s=0.5, reach_s=0.3, refresh_s=0.2)
PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres(LASTING) as started:
        yield started


@pytest.fixture
def results(tmp_path: Path, server: Postgres) -> Path:
    """A folder that is attached to an empty farm."""
    (tmp_path / "ledger.url").write_text(server.empty() + "\n")
    Ledger.open(tmp_path / "ledger.db").close()
    return tmp_path


def until(seen: Callable[[], object]) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not seen():
        assert time.monotonic() < end_s, "it did not come to pass"
        time.sleep(0.02)


@dataclass
class Room:
    """A worker's site and its devices' stand-in. Jobs begin as ``turns`` are given; ``lacks``: what is not here."""

    results: Path
    said: list[str] = field(default_factory=list)
    turns: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    lacks: set[str] = field(default_factory=set)
    measured: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    errors: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ledger = Ledger.open(self.results / "site" / "ledger.db")
        self.ledger.record_artifact(samples.artifact(self.results / "a.onnx"))
        self.site = FarmSite(self.ledger, f"desk {self.results}", [QUEUE], self.said.append)

    def online(
        self, farm: Ledger, leave: threading.Event, on_away: Callable[[str], None], on_back: Callable[[], None]
    ) -> None:
        self.said.append("online")
        worker = begin_worker(farm, "desk", self.site.place, {})
        handlers = {SESSION: self._handler(lambda name: self.site.deliver(farm, leave, name))}
        executor = executor_of(farm, Pace(look_s=0.1, beat_s=1.0, away_s=0.3, again_s=0.05))
        executor.serve(worker, [QUEUE], handlers, leave, on_away=on_away, on_back=on_back)

    def fetch_ahead(self, farm: Ledger) -> None:
        """Nothing is fetched: see ``lacks``."""

    def offline(self, leave: threading.Event) -> None:
        self.said.append("offline")
        worker = begin_worker(self.ledger, "desk", self.site.place, {})
        handlers = {SESSION: self.site.offline(self._handler(lambda _name: None))}
        InProcess(self.ledger, Pace(look_s=0.1)).serve(worker, [QUEUE], handlers, leave)

    def _handler(self, deliver: Callable[[str], object]) -> Handler:
        def do(begun: JobState, stop: Stop) -> Outcome:
            session = samples.session(samples.planned(block=begun.job.position), seed=begun.job.position)
            if begun.job.job_id in self.lacks:
                raise StoreError("parcel ab12 is not in the cache")
            if self.ledger.session(session.session_id) is None:
                while not self.turns.acquire(timeout=0.05):
                    if stop.asked:
                        return Outcome(reason="its worker ended", again=True)
                self.ledger.begin_study(STUDY.study)
                self.ledger.record_session(session)
                self.measured.append(begun.job.job_id)
            self.ledger.finish_study("s1", "finished")
            deliver(session.session_id)
            return Outcome({"session_id": session.session_id})

        return do

    def work(self) -> threading.Thread:
        self.stop = threading.Event()
        turns = Turns(self.site, self.results / "ledger.db", self, self.said.append, self.stop, QUICK)

        def run() -> None:
            try:
                turns.run()
            except BaseException as exc:
                self.errors.append(exc)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def end(self, thread: threading.Thread) -> None:
        self.stop.set()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
        assert self.errors == []

    def give(self, count: int) -> None:
        for _ in range(count):
            self.turns.release()


@pytest.fixture
def room(results: Path) -> Iterator[Room]:
    found = Room(results)
    yield found
    found.stop.set()
    found.ledger.close()


def put(results: Path, count: int) -> None:
    """A night's order, with its record."""
    work = [
        SessionWork(STUDY, "kws", "onnx:fp32", "paced", 1.0, block, 0, expected_s=1.0).as_payload()
        for block in range(count)
    ]
    order = Order("o1", "ada", NIGHTLY, "night", {"plan": "plan", "night": AT})
    made = [Job(f"j{i}", "o1", SESSION, QUEUE, "ada", i, payload=payload) for i, payload in enumerate(work)]
    with Ledger.open(results / "ledger.db") as farm:
        submit(farm, order, made)
        record_night(farm, NIGHT)


def states(results: Path) -> dict[str, str]:
    with Ledger.open(results / "ledger.db") as farm:
        return {each.job.job_id: each.state for each in jobs(farm)}


def here(room: Room) -> dict[str, str]:
    return {each.job.job_id: each.state for each in jobs(room.ledger)}


def test_a_day_without_its_farm(room: Room, results: Path, server: Postgres) -> None:
    put(results, 6)
    thread = room.work()
    room.give(2)
    until(lambda: list(states(results).values()).count(DONE) == 2)
    with Ledger.open(results / "ledger.db") as farm:
        gone = Missing("local: kws onnx:fp32 1t", "noon ended the night")
        ended = NIGHT.__class__(**{**vars(NIGHT), "finished_utc": "2026-11-21T12:00:00+00:00", "finished_sessions": 2})
        record_night(farm, ended.__class__(**{**vars(ended), "missing": (gone, Missing("pi5", "nobody has it"))}))
    server.stop("immediate")
    room.give(4)
    until(lambda: list(here(room).values()).count(DONE) >= 4 and len(room.measured) == 6)
    assert spool(room.ledger).sessions == 4
    server.start()
    until(lambda: room.said.count("online") == 2)
    room.end(thread)
    assert states(results) == {f"j{i}": DONE for i in range(6)}
    assert room.measured == [f"j{i}" for i in range(6)], "each once, in their order"
    with Ledger.open(results / "ledger.db") as farm:
        assert [each.planned.block for each in farm.sessions("s1")] == list(range(6))
        assert all(each.result for each in jobs(farm))
        (night,) = nights(farm)
        assert night.late
        assert (night.finished_sessions, night.failed_sessions) == (6, 0)
        assert [each.what for each in night.missing] == ["pi5"]
        assert night.finished_utc is not None
        assert night.finished_utc > str(ended.finished_utc)
        # Six sessions and the night, as it ended in the end; once.
        assert collect(farm) == 7
        assert collect(farm) == 0
    assert spool(room.ledger).entries == 0
    assert any("works without the farm: " in said for said in room.said)
    told = next(said for said in room.said if "settled" in said)
    assert told.startswith("delivered 4 sessions; settled 4 jobs")
    assert f"night {AT} of plan is late" in told


def test_a_worker_that_begins_without_its_farm(room: Room, results: Path, server: Postgres) -> None:
    put(results, 5)
    thread = room.work()
    room.give(1)
    until(lambda: states(results)["j0"] == DONE)
    until(lambda: here(room).get("j0") is None and len(here(room)) == 4)
    room.end(thread)
    server.stop("immediate")
    thread = room.work()
    room.give(2)
    until(lambda: list(here(room).values()).count(DONE) == 2)
    room.end(thread)
    assert room.said[-1] != "online"
    server.start()
    with Ledger.open(results / "ledger.db") as farm:
        # While the worker is still away: one that it has done, and one that it has not begun.
        assert cancel(farm, ["j1", "j4"], "ada changed her mind") == {"j1": CANCELLED, "j4": CANCELLED}
    thread = room.work()
    room.give(1)
    until(lambda: states(results)["j3"] == DONE)
    room.end(thread)
    assert states(results) == {"j0": DONE, "j1": CANCELLED, "j2": DONE, "j3": DONE, "j4": CANCELLED}
    assert room.measured == ["j0", "j1", "j2", "j3"]
    with Ledger.open(results / "ledger.db") as farm:
        assert [each.planned.block for each in farm.sessions("s1")] == [0, 1, 2, 3], "what was measured stays"
    assert any("1 job had ended at the farm meanwhile" in said for said in room.said)


def test_what_needs_the_farm_waits_for_it_and_the_others_go_on(room: Room, results: Path, server: Postgres) -> None:
    put(results, 3)
    with Ledger.open(results / "ledger.db") as farm:
        room.site.refresh(farm)
    room.lacks = {"j0"}
    server.stop("immediate")
    thread = room.work()
    room.give(3)
    until(lambda: list(here(room).values()).count(DONE) == 2)
    waits = next(each for each in jobs(room.ledger) if each.job.job_id == "j0")
    assert waits.reason == ("the farm is away, and this site has not what it needs: parcel ab12 is not in the cache")
    room.lacks = set()
    server.start()
    until(lambda: states(results) == {"j0": DONE, "j1": DONE, "j2": DONE})
    room.end(thread)
    assert room.measured == ["j1", "j2", "j0"]


def test_a_site_that_was_never_connected_waits(room: Room, results: Path, server: Postgres) -> None:
    server.stop("immediate")
    thread = room.work()
    until(lambda: any("it was never connected" in said for said in room.said))
    server.start()
    until(lambda: "online" in room.said)
    put(results, 1)
    room.give(1)
    until(lambda: states(results) == {"j0": DONE})
    room.end(thread)


def test_a_restart_of_the_database_is_waited_for(room: Room, results: Path, server: Postgres) -> None:
    put(results, 3)
    patient = Turns(room.site, results / "ledger.db", room, room.said.append, room.stop, SitePace(away_s=1e9))
    thread = threading.Thread(target=patient.run)
    thread.start()
    room.give(1)
    until(lambda: states(results)["j0"] == DONE)
    server.stop("immediate")
    room.give(2)
    until(lambda: spool(room.ledger).sessions == 1)
    server.start()
    until(lambda: list(states(results).values()) == [DONE] * 3)
    room.end(thread)
    assert "offline" not in room.said
    assert room.measured == ["j0", "j1", "j2"]


def test_no_job_is_done_whose_session_the_farm_does_not_take(room: Room, results: Path) -> None:
    """Two sites have given one id to two questions: the first one's study stays, and the other is told."""
    put(results, 1)
    with Ledger.open(results / "ledger.db") as farm:
        farm.begin_study(Study("s1", "kws", "elsewhere", STUDY.started_utc, STUDY.settings))
    thread = room.work()
    room.give(1)
    until(lambda: states(results) == {"j0": FAILED})
    room.end(thread)
    with Ledger.open(results / "ledger.db") as farm:
        (job,) = jobs(farm)
        assert "study s1 is in the farm's ledger with other device" in str(job.reason)
        assert farm.sessions("s1") == []
    assert spool(room.ledger).refused == 2
    assert room.measured == ["j0"]


def test_the_farm_hears_of_a_quarantine_without_a_session(room: Room, results: Path) -> None:
    thread = room.work()
    until(lambda: "online" in room.said)
    health.quarantine(room.ledger, "pi5", "its fan stands still")
    with Ledger.open(results / "ledger.db") as farm:
        until(lambda: health.health_of(farm, "pi5").quarantined)
        health.release_quarantine(room.ledger, "pi5", "ada: a new fan")
        until(lambda: not health.health_of(farm, "pi5").quarantined)
        assert [event.kind for event in health.events(farm, "pi5")] == ["quarantine", "release"]
    room.end(thread)


def test_a_farm_that_refuses_ends_the_worker(room: Room, results: Path) -> None:
    url = (results / "ledger.url").read_text()
    (results / "ledger.url").write_text(url.replace("passfile=", "passfile=/nowhere/"))
    thread = room.work()
    thread.join(PATIENCE_S)
    assert [type(error) for error in room.errors] == [LedgerError], room.said
    assert READY not in here(room).values()


def test_earshot_worker_measures_on_without_its_database(
    tmp_path: Path, server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker itself, with this machine as its device and sessions that are measured."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(farm_site_turns, "SitePace", lambda: QUICK)
    desk = Desk(tmp_path / "results")
    add_mini(desk.results)
    (desk.results / "ledger.url").write_text(server.empty() + "\n")
    Ledger.open(desk.results / "ledger.db").close()
    with desk.working():
        until(lambda: any(event.kind == STARTED for event in desk.told))
        order_id = desk.submit(FP32, runs=4).order.order_id
        until(lambda: any(event.kind == ENDED and event.where == "local" for event in desk.told))
        server.stop("immediate")
        until(lambda: any("works without the farm" in event.text for event in desk.told))
        with Ledger.open(desk.results / "site" / "ledger.db") as own:
            until(lambda: sum(each.state == DONE for each in jobs(own) if each.job.kind == SESSION) >= 3)
        server.start()
        until(lambda: {state.state for state in desk.jobs(order_id)} == {DONE})
    with desk.ledger() as farm:
        (study,) = farm.studies()
        blocks = [session.planned.block for session in farm.sessions(study.study_id) if session.planned.attempt == 0]
        assert blocks == [0, 1, 2, 3]
        told = {(state.result or {}).get("session_id") for state in desk.jobs(order_id) if state.job.kind == SESSION}
        assert told <= {session.session_id for session in farm.sessions(study.study_id)}
