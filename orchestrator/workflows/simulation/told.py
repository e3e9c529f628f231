"""What a simulation found out. Each figure was measured while it ran; only the devices were not real."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Machine:
    """``load_before`` and ``load_after``: averages of a minute; above ``cores``, others had it too."""

    cores: int
    load_before: float
    load_after: float


@dataclass(frozen=True)
class Makespan:
    """``lower_bound_s``: nobody can be faster; the greater one of what the slowest device had to do by itself
    (``devices_s``, its sessions and the time it was away) and what the processors had to do (``processors_s``: time of
    workers, simulation and database over the cores of this machine). ``wall_s``: from the word go to the last job's
    end, by the database's clock.
    """

    wall_s: float
    devices_s: float
    slowest_device: str
    processors_s: float | None

    @property
    def lower_bound_s(self) -> float:
        return max(self.devices_s, self.processors_s or 0.0)

    @property
    def excess(self) -> float:
        """As a share of the lower bound."""
        return self.wall_s / self.lower_bound_s - 1.0 if self.lower_bound_s else 0.0


@dataclass(frozen=True)
class Overhead:
    """What lies between two sessions of a device: told to be done, the next one claimed, leased, begun; by the twins'
    own journals. None where no device had two.
    """

    median_ms: float | None
    p95_ms: float | None
    most_ms: float | None


@dataclass(frozen=True)
class DatabaseTold:
    """``per_second`` and ``per_session``: of PostgreSQL's counters, by its names, and statements and commits as the
    workers sent them. ``waits``: connections that were busy at a look, in the mean, by what they waited for. ``rows``
    that are new, by table. ``array_bytes``: of the raw arrays as stored. ``cpu_s``: None where it is on another
    machine, or a file that the workers write themselves.
    """

    store: str
    per_second: Mapping[str, float]
    per_session: Mapping[str, float]
    waits: Mapping[str, float]
    looks: int
    rows: Mapping[str, int]
    table_bytes: Mapping[str, int]
    array_bytes: int
    wal_bytes: int | None
    cpu_s: float | None
    most_connections: int

    @property
    def bytes_stored(self) -> int:
        return sum(self.table_bytes.values())


@dataclass(frozen=True)
class WorkerTold:
    """``cpu_s`` of its processes, also those that were killed; ``peak_rss_bytes``: VmHWM."""

    site: str
    devices: int
    cpu_s: float
    peak_rss_bytes: int


@dataclass(frozen=True)
class Counted:
    """``again``: attempts that came to nothing, after which a session was tried once more. ``cut``: sessions that a
    newer lease ended on the device; each ran again. ``faults``: what must not be, at most some of ``fault_count``.
    """

    planned: int
    recorded: int
    failed_sessions: int
    jobs: Mapping[str, int]
    again: int
    cut: int
    killed_workers: int
    faults: tuple[str, ...]
    fault_count: int

    @property
    def exactly_once(self) -> bool:
        return self.fault_count == 0


@dataclass(frozen=True)
class SimulationTold:
    """``complete``: it was not interrupted. ``planning_s`` and ``submitting_s``: before the word go."""

    devices: int
    sessions_each: int
    speed: float
    seed: int
    executor: str | None
    complete: bool
    planning_s: float
    submitting_s: float
    done: int
    makespan: Makespan
    overhead: Overhead
    counted: Counted
    database: DatabaseTold
    workers: tuple[WorkerTold, ...]
    simulation: WorkerTold
    machine: Machine
