"""From what was seen to what is told: the bound, what each session cost, and whether all was done exactly once."""

import os
from collections.abc import Mapping, Sequence

import numpy as np

from orchestrator.domain.job import DONE
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.simulated import Ended, ended, recorded, stored_bytes
from orchestrator.measure.farm.twins.audit import Audit, audit
from orchestrator.measure.farm.twins.device import World
from orchestrator.workflows.farm.payload import session_work
from orchestrator.workflows.simulation import told
from orchestrator.workflows.simulation.crew import Crew
from orchestrator.workflows.simulation.plan import Site, candidates, jobs_of, planned_session, works
from orchestrator.workflows.simulation.settings import SimulationSettings
from orchestrator.workflows.simulation.watch import Seen, Watch

# PostgreSQL's counters that are told, each under its own name.
_RATES = ("xact_commit", "xact_rollback", "tup_inserted", "tup_updated", "tup_fetched", "blks_read", "blks_hit")
_MOST_TOLD = 5


def account(
    settings: SimulationSettings,
    world: World,
    farm: Ledger,
    sites: Sequence[Site],
    crew: Crew,
    watch: Watch,
    complete: bool,
    planning_s: float,
    submitting_s: float,
) -> told.SimulationTold:
    """``complete`` False: what is not there yet is no fault."""
    planned = planned_ids(sites, settings)
    found = audit(world, planned)
    state = ended(farm, [site.order_id for site in sites])
    usages = crew.usages
    sizes = {site.name: len(site.devices) for site in sites}
    workers = tuple(told.WorkerTold(n, sizes[n], u.cpu_s, u.peak_rss_bytes) for n, u in usages.items())
    first, last = watch.first, watch.last
    done = state.states.get(DONE, 0)
    own_cpu_s = last.own.cpu_s - first.own.cpu_s if first and last else 0.0
    own = told.WorkerTold("simulation", settings.devices, own_cpu_s, last.own.peak_rss_bytes if last else 0)
    database = _database(farm, crew, watch, done)
    cpu_s = sum(worker.cpu_s for worker in workers) - crew.cpu_before_s + own_cpu_s + (database.cpu_s or 0.0)
    return told.SimulationTold(
        settings.devices,
        settings.sessions,
        settings.speed,
        settings.seed,
        settings.executor,
        complete,
        planning_s,
        submitting_s,
        done,
        _makespan(found, state, first, cpu_s),
        _overhead(found),
        _counted(farm, sites, planned, found, state, crew, complete),
        database,
        workers,
        own,
        told.Machine(os.cpu_count() or 1, watch.load_before, os.getloadavg()[0]),
    )


def planned_ids(sites: Sequence[Site], settings: SimulationSettings) -> dict[str, set[str]]:
    """Ids of sessions by device, as the plan gives them: from the jobs that were submitted, computed anew."""
    loads, chosen = works(settings), candidates(tuple(works(settings)))
    found: dict[str, set[str]] = {}
    for site in sites:
        for job in jobs_of(site, settings):
            work = session_work(job)
            planned = planned_session(work, chosen[work.model], loads[work.model])
            found.setdefault(planned.device, set()).add(planned.session_id)
    return found


def _makespan(found: Audit, state: Ended, first: Seen | None, cpu_s: float) -> told.Makespan:
    slowest = max(found.days, key=lambda name: found.days[name].work_s, default="none")
    devices_s = found.days[slowest].work_s if found.days else 0.0
    wall_s = state.last_utc_s - first.farm_utc_s if first is not None and state.last_utc_s is not None else 0.0
    return told.Makespan(wall_s, devices_s, slowest, cpu_s / (os.cpu_count() or 1))


def _overhead(found: Audit) -> told.Overhead:
    gaps = [day.gaps_s for day in found.days.values() if len(day.gaps_s)]
    if not gaps:
        return told.Overhead(None, None, None)
    all_ms = 1e3 * np.concatenate(gaps)
    return told.Overhead(float(np.median(all_ms)), float(np.percentile(all_ms, 95)), float(all_ms.max()))


def _counted(
    farm: Ledger,
    sites: Sequence[Site],
    planned: Mapping[str, set[str]],
    found: Audit,
    state: Ended,
    crew: Crew,
    complete: bool,
) -> told.Counted:
    there = recorded(farm, [site.order_id for site in sites])
    faults = list(found.faults) if complete else [fault for fault in found.faults if " ran 0 times" not in fault]
    count = found.fault_count if complete else len(faults)
    more = _ledger_faults(planned, {(session, device) for session, device, _ in there}, state, complete)
    return told.Counted(
        sum(map(len, planned.values())),
        len(there),
        sum(outcome != "ok" for _, _, outcome in there),
        state.states,
        state.again,
        found.cut,
        crew.killed,
        tuple((faults + more)[:_MOST_TOLD]),
        count + len(more),
    )


def _ledger_faults(
    planned: Mapping[str, set[str]], there: set[tuple[str, str]], state: Ended, complete: bool
) -> list[str]:
    wanted = {(session, device) for device, sessions in planned.items() for session in sessions}
    faults = [
        f"session {session} of {device} is in the ledger and was not planned" for session, device in there - wanted
    ]
    if not complete:
        return faults
    faults += [f"session {session} of {device} is not in the ledger" for session, device in wanted - there]
    undone = {name: count for name, count in state.states.items() if name != DONE}
    why = f" ({'; '.join(state.reasons)})" if state.reasons else ""
    return faults + [f"{count} jobs are {name}{why}" for name, count in undone.items()]


def _database(farm: Ledger, crew: Crew, watch: Watch, done: int) -> told.DatabaseTold:
    first, last = watch.first, watch.last
    store = "sqlite" if farm.place.file else "postgresql"
    if first is None or last is None:
        return told.DatabaseTold(store, {}, {}, {}, 0, {}, {}, 0, None, None, 0)
    load, passed_s = last.load.since(first.load), last.at_s - first.at_s
    sent = crew.told
    counters = {name: load.counters[name] for name in _RATES if name in load.counters}
    of_farm = (sent.farm_statements, sent.farm_commits) if store == "postgresql" else (sent.site_statements, 0)
    counters |= {"statements": of_farm[0], "commits": of_farm[1]}
    both = first.database_cpu_s is not None and last.database_cpu_s is not None
    return told.DatabaseTold(
        store,
        {name: value / passed_s for name, value in counters.items()},
        {name: value / done for name, value in counters.items()} if done else {},
        {name: count / max(1, watch.looks) for name, count in watch.waits.most_common()},
        watch.looks,
        {name: new for name, count in last.rows.items() if (new := count - first.rows.get(name, 0))},
        {name: size for name, size in load.table_bytes.items() if size},
        stored_bytes(farm),
        load.wal_bytes,
        (last.database_cpu_s or 0.0) - (first.database_cpu_s or 0.0) if both else None,
        watch.most_connections,
    )
