"""A simulated night: everything but the devices is real, and what it tells was measured."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.errors import BadInput
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.farm.twins.body import Faults
from orchestrator.workflows.farm.payload import study_id
from orchestrator.workflows.progress import Silent
from orchestrator.workflows.simulation.plan import jobs_of, night_of, sites_of
from orchestrator.workflows.simulation.settings import SimulationSettings
from orchestrator.workflows.simulation.simulate import simulate
from tests import sessions
from tests.postgres import Postgres

# Twins that fail and vanish ten times as often as a lab's devices.
OFTEN = Faults(0.05, 0.02, (20.0, 40.0))


def _small(folder: Path) -> SimulationSettings:
    return SimulationSettings(folder / "twins", devices=20, sessions=5, speed=40.0, faults=OFTEN)


class Interrupting(Silent):
    """Ctrl-C once so many sessions are done."""

    def __init__(self, after: int) -> None:
        self._left = after

    def step(self, what: str) -> None:
        self._left -= "twins" in what
        if self._left < 0:
            raise KeyboardInterrupt


def test_a_night_in_a_file_is_done_exactly_once(tmp_path: Path) -> None:
    threads = threading.active_count()
    told = simulate(_small(tmp_path), Silent())
    assert threading.active_count() <= threads
    assert told.complete
    assert told.counted.faults == ()
    assert told.counted.recorded == told.done == told.counted.planned == 100
    assert told.makespan.wall_s >= told.makespan.devices_s
    assert told.workers[0].cpu_s > 0
    assert told.database.store == "sqlite"
    with Ledger.open(tmp_path / "twins" / "ledger.db") as ledger:
        found = [each for study in ledger.studies() for each in ledger.sessions(study.study_id)]
    assert len(found) == 100
    assert all(each.emulated for each in found)
    assert sum(not each.ok for each in found) == told.counted.failed_sessions


def test_a_night_in_a_postgresql_with_workers_killed(tmp_path: Path, postgresql: Postgres) -> None:
    settings = replace(_small(tmp_path), workers=2, kill_workers=1, ledger=postgresql.empty())
    told = simulate(settings, Silent())
    assert told.counted.faults == ()
    assert told.counted.killed_workers == 1
    assert told.counted.recorded == 100
    assert told.database.per_session["statements"] > 5
    assert told.database.rows["sessions"] == 100
    assert told.database.table_bytes["session_arrays"] > told.database.array_bytes > 100 * 1000
    assert told.database.wal_bytes is not None
    assert told.database.cpu_s is not None
    assert told.overhead.median_ms is not None
    with pytest.raises(BadInput, match="is not empty"):
        simulate(settings, Silent())
    again = simulate(replace(settings, folder=tmp_path / "more", devices=2, workers=1, kill_workers=0), Silent())
    assert again.counted.recorded == 10, "a ledger of simulations takes another one"


def test_what_was_found_until_it_was_interrupted_is_told(tmp_path: Path) -> None:
    told = simulate(replace(_small(tmp_path), speed=10.0), Interrupting(10))
    assert not told.complete
    assert 0 < told.done < 100
    assert told.counted.exactly_once
    assert told.counted.jobs["ready"] > 0


class Meddling(Silent):
    """Writes into a twin's journal what no twin did, before it is compared."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal

    def stage(self, name: str, *, steps: int, expected_s: float | None = None) -> None:
        if name == "comparing":
            text = self._journal.read_text()
            self._journal.write_text(text + text.splitlines()[0] + "\n")


def test_a_session_that_ran_twice_is_told(tmp_path: Path) -> None:
    settings = replace(_small(tmp_path), devices=4, sessions=2)
    told = simulate(settings, Meddling(settings.folder / "twins" / "twin-00003.jsonl"))
    assert not told.counted.exactly_once
    assert any("ran 2 times" in fault for fault in told.counted.faults)


def test_a_ledger_with_anything_real_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    with Ledger.open(file) as ledger:
        ledger.begin_study(sessions.STUDY)
    with pytest.raises(BadInput, match="has real studies"):
        simulate(replace(_small(tmp_path), ledger=f"sqlite:{file}"), Silent())


def test_the_plan_is_the_planners_and_ids_are_of_their_own(tmp_path: Path) -> None:
    settings = replace(_small(tmp_path), devices=50, sessions=20, workers=4)
    sites = sites_of(settings, night_of(settings))
    assert sum(len(site.devices) for site in sites) == 50
    jobs = [job for site in sites for job in jobs_of(site, settings)]
    assert len({job.job_id for job in jobs}) == len(jobs) == 1000
    assert settings.runs * settings.configurations == 20


def test_no_two_studies_of_a_large_farm_have_the_same_id() -> None:
    assert len({study_id("order", "model", f"device-{number}") for number in range(40_000)}) == 40_000


@pytest.mark.parametrize(
    "bad", [{"devices": 0}, {"workers": 21}, {"speed": 0.0}, {"seconds": -1.0}, {"sessions": 1009}], ids=str
)
def test_settings_say_what_is_wrong_with_them(tmp_path: Path, bad: dict[str, float]) -> None:
    with pytest.raises(BadInput):
        replace(_small(tmp_path), **bad)  # type: ignore[arg-type]
