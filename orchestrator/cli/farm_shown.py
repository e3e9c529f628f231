"""What a simulated farm told, as tables."""

import click

from orchestrator.cli.output import number, print_table
from orchestrator.workflows.simulation.told import DatabaseTold, SimulationTold

_MOST_ROWS = 12


def print_simulation(told: SimulationTold) -> None:
    if not told.complete:
        click.echo(f"interrupted after {told.done} of {told.counted.planned} sessions; what was found until then:\n")
    print_table(["figure", "value", ""], [*_night(told), *_workers(told), *_database(told)])
    click.echo()
    _print_tables(told.database)
    _print_check(told)


def _night(told: SimulationTold) -> list[list[str]]:
    span, gap = told.makespan, told.overhead
    size = f"{told.devices} twins x {told.sessions_each} sessions"
    rows = [
        ["night", size, f"speed {told.speed:g}, seed {told.seed}, executor {told.executor or 'of the ledger'}"],
        ["planned", _s(told.planning_s), f"and submitted in {_s(told.submitting_s)}"],
        ["makespan", _s(span.wall_s), f"{told.done / span.wall_s:.1f} sessions a second" if span.wall_s else ""],
    ]
    if told.complete:
        bound = f"{span.slowest_device} by itself {_s(span.devices_s)}, processors {_s(span.processors_s or 0.0)}"
        rows.append(["shortest possible", _s(span.lower_bound_s), bound])
        rows.append(["longer by", f"{span.excess:.2%}", "of the shortest possible"])
    if gap.median_ms is not None and gap.p95_ms is not None and gap.most_ms is not None:
        more = f"median; 95 % within {gap.p95_ms:.0f} ms, all within {gap.most_ms:.0f} ms"
        rows.append(["between two sessions", f"{gap.median_ms:.0f} ms", more])
    return rows


def _workers(told: SimulationTold) -> list[list[str]]:
    peak = max((worker.peak_rss_bytes for worker in told.workers), default=0)
    used_s = sum(worker.cpu_s for worker in told.workers)
    devices = max((worker.devices for worker in told.workers), default=0)
    each = f"{1e3 * used_s / told.done:.1f} ms of processor a session" if told.done else ""
    load = f"load {told.machine.load_before:.1f} before, {told.machine.load_after:.1f} after"
    return [
        ["workers", str(len(told.workers)), f"of {devices} twins at most"],
        ["memory of a worker", f"{peak / 1e6:.0f} MB", f"at its peak; {peak / max(1, devices) / 1e3:.0f} kB a twin"],
        ["processor of workers", _s(used_s), each],
        ["machine", f"{told.machine.cores} cores", load],
    ]


def _database(told: SimulationTold) -> list[list[str]]:
    database, done = told.database, told.done
    rows = [["database", database.store, ""]]
    if database.cpu_s is not None and done:
        each = f"{1e3 * database.cpu_s / done:.1f} ms a session"
        rows.append(["processor of the database", _s(database.cpu_s), each])
    for name, title in (
        ("xact_commit", "transactions"),
        ("statements", "statements"),
        ("tup_inserted", "rows written"),
    ):
        if name in database.per_second:
            each = f"{database.per_session[name]:.1f} a session" if database.per_session else ""
            rows.append([title, f"{database.per_second[name]:.0f} a second", each])
    if done:
        arrays_kb = database.array_bytes / done / 1e3
        stored = f"{database.bytes_stored / done / 1e3:.1f} kB a session, {arrays_kb:.1f} of them arrays"
        rows.append(["stored", f"{database.bytes_stored / 1e6:.1f} MB", stored])
    if database.wal_bytes is not None and done:
        rows.append(
            [
                "write-ahead log",
                f"{database.wal_bytes / 1e6:.1f} MB",
                f"{database.wal_bytes / done / 1e3:.1f} kB a session",
            ]
        )
    if database.looks and database.store == "postgresql":
        waits = ", ".join(f"{what} {number(mean)}" for what, mean in database.waits.items()) or "none"
        rows.append(["busy connections", f"{database.most_connections} at most", f"in the mean: {waits}"])
    return rows


def _print_tables(database: DatabaseTold) -> None:
    names = sorted(set(database.rows) | set(database.table_bytes), key=lambda name: -database.table_bytes.get(name, 0))
    rows = [
        [name, str(database.rows.get(name, 0)), f"{database.table_bytes.get(name, 0) / 1e6:.2f}"]
        for name in names[:_MOST_ROWS]
    ]
    print_table(["table", "new rows>", "more MB>"], rows)
    click.echo()


def _print_check(told: SimulationTold) -> None:
    counted = told.counted
    click.echo(
        f"{counted.recorded} of {counted.planned} planned sessions recorded, {counted.failed_sessions} of them failed; "
        f"{counted.again} tried again, {counted.cut} cut short and repeated, {counted.killed_workers} workers killed"
    )
    if counted.exactly_once:
        every = "each" if told.complete else "none more than"
        click.echo(f"{every} once, none beside another on its device: by the twins' own journals and the ledger")
        return
    click.secho(f"{counted.fault_count} things that must not be:", fg="red")
    for fault in counted.faults:
        click.echo(f"  {fault}")


def _s(seconds: float) -> str:
    return f"{number(seconds)} s" if seconds < 600 else f"{seconds / 60:.1f} min"
