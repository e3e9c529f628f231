"""``earshot submit nightly``: a night of a plan over the farm's devices, and its record from start to end."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestrator.domain.job import DONE, NIGHTLY, OPEN, SESSION, JobState
from orchestrator.domain.night import Missing, NightRecord
from orchestrator.errors import BadInput
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.nights import durations, nights, record_night
from orchestrator.ledger.order_counts import by_order
from orchestrator.ledger.orders import Order, jobs, orders
from orchestrator.workflows.farm.devices import farm_devices
from orchestrator.workflows.farm.models import sent_models
from orchestrator.workflows.farm.order import Asked, new_order_id
from orchestrator.workflows.farm.payload import EVALUATE, session_work
from orchestrator.workflows.farm.submit import Submitted, put_in
from orchestrator.workflows.model_commit import model_commit
from orchestrator.workflows.night_clock import noon_after, planned_end, tonight
from orchestrator.workflows.night_file import read_plan
from orchestrator.workflows.night_settings import NightPlan
from orchestrator.workflows.night_shift import NIGHTLY as NIGHT
from orchestrator.workflows.night_shift import night_question
from orchestrator.workflows.night_wanted import Planned, planned, require_something, winners_of

_UNJUDGED = "a farm's night is judged by earshot regressions"


def submit_nightly(results: Path, path: Path, user: str) -> Submitted:
    """Tonight's sessions, which end at noon UTC. Raises BadInput that lists every problem of the plan, and for a night
    that was submitted already.
    """
    with Ledger.open(results / "ledger.db") as farm:
        known = farm_devices(farm)
        known.require_some()
        plan = read_plan(path, known.lab, known.tags, results / "models")
        now = datetime.now(UTC)
        at = tonight(now)
        _require_new(farm, plan.name, at)
        winners = winners_of(farm, list(known.sites), plan.models)
        found = planned(plan, at, known.lab, known.tags, known.health, winners, durations(farm))
        require_something(found)
        names = [shift.device for shift in found.shifts]
        known.require_announced(names)
        order_id = new_order_id(now)
        asked = Asked(user, NIGHTLY, noon_after(at).timestamp())
        record = {"plan": plan.name, "night": at, "end": plan.end, "mode": plan.mode}
        order = Order(order_id, user, NIGHT, f"night of {at}, plan {plan.name}", record)
        models = sent_models(farm, results, order_id, asked, found)
        drawn = models.drawing(asked, plan, order_id, _questions(plan, at, found), now).jobs(found.shifts)
        submitted = put_in(farm, known, order, drawn, names, found.missing)
        record_night(farm, _begun(plan, at, found, now))
        return submitted


def _questions(plan: NightPlan, at: str, found: Planned) -> dict[tuple[str, str], dict[str, Any]]:
    commits = {model.model: model_commit(model.model, model.repo) for model in plan.models}
    pairs = {(each.model, shift.device) for shift in found.shifts for each in shift.wanted}
    return {(model, device): night_question(plan, at, model, device, commits[model]) for model, device in pairs}


def _begun(plan: NightPlan, at: str, found: Planned, now: datetime) -> NightRecord:
    ends = found.ends(now).isoformat(timespec="seconds")
    started = now.isoformat(timespec="seconds")
    return NightRecord(plan.name, at, started, ends, found.sessions, missing=found.missing)


def _require_new(farm: Ledger, plan: str, at: str) -> None:
    for order in _orders_of_nights(farm):
        if (order.record.get("plan"), order.record.get("night")) != (plan, at):
            continue
        counts = by_order(farm, [order.order_id]).get(order.order_id, {})
        if sum(counts.get(state, 0) for state in (*OPEN, DONE)):
            raise BadInput(
                f"the night of {at} of plan {plan} was submitted already, as order {order.order_id}",
                hint=f"earshot queue --order {order.order_id} shows it; earshot cancel {order.order_id} takes it back",
            )


def _orders_of_nights(farm: Ledger) -> list[Order]:
    return [order for order in orders(farm) if order.kind == NIGHT]


def close_nights(farm: Ledger, now: datetime) -> list[NightRecord]:
    """Nights of which nothing is open any more, or which noon has ended: counted, and recorded as finished."""
    open_nights = {(night.plan, night.at): night for night in nights(farm) if night.finished_utc is None}
    closed = []
    for order in _orders_of_nights(farm) if open_nights else ():
        night = open_nights.pop((str(order.record.get("plan")), str(order.record.get("night"))), None)
        if night is None:
            continue
        found = jobs(farm, order_id=order.order_id)
        if all(state.ended for state in found) or now > noon_after(night.at):
            closed.append(_closed(night, order, found, now))
            record_night(farm, closed[-1])
    return closed


def _closed(night: NightRecord, order: Order, found: list[JobState], now: datetime) -> NightRecord:
    sessions = [state for state in found if state.job.kind == SESSION]
    timed = [state for state in sessions if session_work(state.job).mode != EVALUATE]
    done = [state for state in timed if state.state == DONE]
    measured = [state for state in timed if state.state != DONE and state.result is not None]
    end = order.record.get("end")
    return replace(
        night,
        finished_utc=now.isoformat(timespec="seconds"),
        finished_sessions=len(done),
        failed_sessions=len(measured),
        missing=(*night.missing, *lost(sessions)),
        unjudged=_UNJUDGED,
        late=now > planned_end(night.at, str(end) if end else None),
    )


def lost(sessions: list[JobState]) -> tuple[Missing, ...]:
    """By device and configuration, what was not done, with the first reason."""
    found: dict[str, Missing] = {}
    for state in sessions:
        if state.state != DONE:
            found.setdefault(named(state), Missing(named(state), state.reason or "noon ended the night"))
    return tuple(found.values())


def named(state: JobState) -> str:
    """Device and configuration of a session job, as a night's record tells what it lacks."""
    work = session_work(state.job)
    return f"{work.study.device}: {work.wanted}{', quality' if work.mode == EVALUATE else ''}"
