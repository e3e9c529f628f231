"""How the farm's queue is printed."""

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli.output import print_json, print_table
from orchestrator.domain.job import DONE, EXPIRED, FAILED, READY, RUNNING, WAITING, JobState, device_of
from orchestrator.errors import EarshotError
from orchestrator.measure.lab.lease import spell

if TYPE_CHECKING:
    from orchestrator.ledger.workers import Worker
    from orchestrator.workflows.farm.queue import DeviceNow, FarmNow, OrderTold


def show_farm(now: "FarmNow", as_json: bool) -> None:
    if as_json:
        print_json(_as_json(now))
        return
    _print_orders(now)
    if now.jobs:
        click.echo()
        print_table(
            ["job", "where", "what", "state", "tries>", "worker", "why"], [_job(state, now) for state in now.jobs]
        )
    if now.workers:
        click.echo()
        print_table(["site", "worker", "on", "exports>", "heard of"], [_worker(worker) for worker in now.workers])
    if now.devices:
        click.echo()
        print_table(["site", "device", "model", "now", "before it>", "note"], [_device(each) for each in now.devices])


def _print_orders(now: "FarmNow") -> None:
    if not now.orders:
        click.echo("no order is open (earshot queue --all shows those that have ended)")
        return
    print_table(
        ["order", "user", "what", "done>", "runs>", "waits>", "not done>", "submitted UTC"],
        [_order(each) for each in now.orders],
    )
    left_s = _left_s(now)
    if left_s:
        click.echo(f"\nabout {spell(left_s)} of sessions are left on the device that has most of them")


def _order(told: "OrderTold") -> list[str]:
    order, counts = told.order, told.counts
    waits = counts.get(READY, 0) + counts.get(WAITING, 0)
    return [
        order.order_id,
        order.user,
        order.title,
        f"{told.done}/{told.total}",
        str(counts.get(RUNNING, 0)),
        str(waits),
        str(told.lost),
        _clock(order.submitted_utc_s),
    ]


def _job(state: JobState, now: "FarmNow") -> list[str]:
    from orchestrator.workflows.farm.payload import title_of

    job = state.job
    try:
        title = title_of(job)
    except EarshotError:
        title = job.kind
    worker = (state.worker or "")[:8] if state.state == RUNNING else ""
    return [
        job.job_id,
        device_of(job.queue) or job.queue,
        title,
        state.state,
        str(state.attempts),
        worker,
        _why(state, now),
    ]


def _why(state: JobState, now: "FarmNow") -> str:
    """Why it waits or was not done; what came of it where it was."""
    if state.state == DONE:
        return str((state.result or {}).get("session_id", ""))
    if state.state in (FAILED, EXPIRED) or state.reason:
        return state.reason or ""
    if state.state == WAITING:
        return f"needs {', '.join(state.job.needs)}"
    return now.unserved.get(state.job.queue, "") if state.state == READY else ""


def _worker(worker: "Worker") -> list[str]:
    heard = f"{spell(worker.silent_s)} ago"
    state = heard if worker.alive else "ended" if worker.ended else f"silent: last {heard}"
    told = worker.record
    return [worker.site, worker.worker_id[:8], str(told.get("host", "")), str(told.get("exports", "-")), state]


def _device(now: "DeviceNow") -> list[str]:
    from orchestrator.workflows.farm.payload import title_of

    runs = "-"
    if now.runs is not None:
        since = (
            "" if now.runs.started_utc_s is None else f" for {spell(max(0.0, time.time() - now.runs.started_utc_s))}"
        )
        runs = f"{title_of(now.runs.job)}{since}"
    note = f"in quarantine: {now.health.reason}" if now.health.quarantined else ""
    model = str(now.told.record.get("device_model") or "-")
    return [now.told.site, now.told.device, model, runs, str(now.load.ready + now.load.later), note]


def _left_s(now: "FarmNow") -> float:
    """Of the sessions that are open, by what such sessions take; all devices work at the same time."""
    found: dict[str, float] = {}
    for state in now.jobs:
        expected = state.job.payload.get("expected_s")
        if not state.ended and isinstance(expected, int | float):
            found[state.job.queue] = found.get(state.job.queue, 0.0) + expected
    return max(found.values(), default=0.0)


def _clock(utc_s: float) -> str:
    return f"{datetime.fromtimestamp(utc_s, UTC):%m-%d %H:%M}"


def _as_json(now: "FarmNow") -> dict[str, Any]:
    return {
        "orders": [
            {
                "order": told.order.order_id,
                "user": told.order.user,
                "title": told.order.title,
                "kind": told.order.kind,
                "submitted_utc_s": told.order.submitted_utc_s,
                "jobs": told.counts,
            }
            for told in now.orders
        ],
        "jobs": [_job_as_json(state) for state in now.jobs],
        "left_s": _left_s(now) if now.jobs else None,
        "workers": [
            {"worker": each.worker_id, "site": each.site, "alive": each.alive, "silent_s": each.silent_s, **each.record}
            for each in now.workers
        ],
        "devices": [
            {
                "device": each.told.device,
                "site": each.told.site,
                **each.told.record,
                "runs": each.runs.job.job_id if each.runs else None,
                "ready": each.load.ready,
                "later": each.load.later,
                "quarantine": each.health.reason if each.health.quarantined else None,
            }
            for each in now.devices
        ],
    }


def _job_as_json(state: JobState) -> dict[str, Any]:
    names = ("state", "attempts", "worker", "reason", "result", "started_utc_s", "finished_utc_s")
    job = state.job
    told = {"job": job.job_id, "order": job.order_id, "queue": job.queue, "kind": job.kind, "needs": job.needs}
    return {**told, **{name: getattr(state, name) for name in names}}
