"""What the handler of session jobs makes of sessions that failed, and of jobs that it cannot do. No device is here."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from orchestrator.domain.job import EXPORT, SESSION, Job, JobState, Outcome, device_queue
from orchestrator.domain.session import Session
from orchestrator.errors import BadInput
from orchestrator.ledger.job_turns import claim, finish
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.orders import Order, submit
from orchestrator.ledger.workers import begin_worker
from orchestrator.measure.farm.executor.base import Stop
from orchestrator.workflows.farm.depot import Depot
from orchestrator.workflows.farm.events import CANCELLED_WHILE, WORKER_ENDS
from orchestrator.workflows.farm.material import Materials
from orchestrator.workflows.farm.payload import SessionWork, StudyTold
from orchestrator.workflows.farm.seat import DeviceSeat, Interrupted
from orchestrator.workflows.farm.session import SessionHandler
from tests import sessions

TOLD = StudyTold("study-1", "synthetic", "bench", "2026-01-01T00:00:00+00:00")
WORK = SessionWork(TOLD, "synthetic", "onnx:fp32", "flat-out", 1.0, 0, 0, 2.0)
QUEUE = device_queue("bench")


@dataclass
class Seat:
    """In a device's place: gives ``session``, or raises."""

    session: Session | BaseException
    asked: list[SessionWork] = field(default_factory=list)

    def measure(self, order_id: str, work: SessionWork, *more: Any) -> Session:
        self.asked.append(work)
        if isinstance(self.session, BaseException):
            raise self.session
        return self.session


class NoMaterials:
    """No model is needed where no device is."""

    def get(self, depot: Depot, made: JobState) -> tuple[None, None]:
        return None, None


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An export that is done, and two sessions of one configuration that need it."""
    with Ledger.open(tmp_path / "ledger.db") as opened:
        opened.begin_study(TOLD.study)
        needs = ("made",)
        works = [WORK, replace(WORK, block=1)]
        drawn = [Job("made", "o", EXPORT, "export", "ann")]
        drawn += [
            Job(f"s{w.block}", "o", SESSION, QUEUE, "ann", w.block, 0, needs, None, w.as_payload()) for w in works
        ]
        submit(opened, Order("o", "ann", "run", "by hand"), drawn)
        export = claim(opened, "export", begin_worker(opened, "desk", "exports", {}))
        assert export is not None
        finish(opened, export, Outcome({"sha256": "0"}))
        yield opened


def handler(ledger: Ledger, seat: Seat, delivered: list[str | None]) -> SessionHandler:
    seats = {"bench": cast(DeviceSeat, seat)}
    materials, depot = cast(Materials, NoMaterials()), cast(Depot, None)
    return SessionHandler(ledger, ledger, seats, materials, depot, delivered.append)


def begun(ledger: Ledger) -> JobState:
    found = claim(ledger, QUEUE, begin_worker(ledger, "desk", "here", {}))
    assert found is not None
    return found


def failed() -> Session:
    return sessions.session(sessions.candidate(), failure="no such operator")


def test_a_configuration_that_failed_is_not_run_again_by_its_order(ledger: Ledger) -> None:
    seat, delivered = Seat(failed()), list[str | None]()
    do, first = handler(ledger, seat, delivered), begun(ledger)
    outcome = do(first, Stop())
    assert (outcome.reason, outcome.again) == ("the session failed: no such operator", False)
    assert delivered == [failed().session_id], "what failed is recorded too"
    finish(ledger, first, outcome)
    again = do(begun(ledger), Stop())
    assert again.reason == "it failed there before: no such operator"
    assert len(seat.asked) == 1


def test_what_is_let_go_is_given_back_or_ends_as_cancelled(ledger: Ledger) -> None:
    do, state = handler(ledger, Seat(Interrupted()), []), begun(ledger)
    cancelled = Stop()
    cancelled.job.set()
    assert do(state, cancelled).reason == CANCELLED_WHILE
    ends = Stop()
    ends.worker.set()
    assert do(state, ends).reason == WORKER_ENDS
    assert finish(ledger, state, Outcome(reason=WORKER_ENDS, again=True)) is None, "it is another's by now"
    assert begun(ledger).attempts == 1


def test_what_is_not_of_this_site_or_needs_no_export_is_refused(ledger: Ledger) -> None:
    do, state = handler(ledger, Seat(failed()), []), begun(ledger)
    elsewhere = replace(state, job=replace(state.job, queue=device_queue("another")))
    with pytest.raises(BadInput, match="none of this site's devices"):
        do(elsewhere, Stop())
    with pytest.raises(BadInput, match="needs no export"):
        do(replace(state, job=replace(state.job, needs=())), Stop())
