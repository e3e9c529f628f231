"""A farm at work: workers at the sites, orders from a desk, and whether all of it went right in the end."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from orchestrator.domain.job import JobState
from orchestrator.errors import LedgerError
from orchestrator.ledger.orders import jobs
from orchestrator.ledger.workers import site_devices
from tests.farm.checker import recorded_in, wrongs
from tests.farm.journals import runs_on
from tests.farm.site import REPOSITORY, Site, end_all
from tests.farm.witness import Witness
from tests.farm.world import World

# No test has a time limit of its own; a farm that stands still must end somehow.
PATIENCE_S = 900.0
_POLL_S = 0.25


class Farm:
    """``world`` with a worker at each site from ``open`` on."""

    def __init__(self, world: World) -> None:
        self.world, self.ledger = world, world.ledger()
        self._witness = Witness(world.roots)
        self.workers: dict[str, subprocess.Popen[bytes]] = {}

    def open(self) -> None:
        """Returns once every device is announced."""
        for site in self.world.sites.values():
            self.start_worker(site)
        self._until(
            lambda: {each.device for each in site_devices(self.ledger)} == set(self.world.roots),
            lambda: f"not announced: {self.told()}",
        )

    def start_worker(self, site: Site, place: str = "first") -> None:
        """``place``: the folder of the worker at that site; a second one there is another host's."""
        folder = site.folder / place
        folder.mkdir(exist_ok=True)
        (folder / "ledger.url").write_text(self.world.url + "\n")
        words = ("worker", "--site", site.name, "--lab", str(site.lab), "--results", str(folder), "--json")
        self.workers[site.name] = site.start(*words, log=f"{place}.log")

    def kill_worker(self, site: Site) -> None:
        """kill -9, in whatever it is doing; what it had started is told nothing."""
        self.workers[site.name].kill()
        self.workers[site.name].wait()

    def fail_over(self) -> None:
        self.world.fail_over()
        self.ledger.close()
        self.ledger = self.world.ledger()

    def submit(self, *words: str) -> dict[str, Any]:
        """``earshot submit run kws`` at the desk; its JSON."""
        argv = [sys.executable, "-m", "orchestrator.cli", "submit", "run", "kws", *words, "--json"]
        argv += ["--mode", "flat-out", "--seconds", "0.5", "--results", str(self.world.desk)]
        environment = {**os.environ, "HOME": str(self.world.desk), "PYTHONPATH": str(REPOSITORY)}
        done = subprocess.run(argv, cwd=self.world.desk, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def jobs(self) -> list[JobState]:
        return jobs(self.ledger)

    def ended(self) -> int:
        """How many jobs have ended; as far as the ledger can be asked now."""
        with contextlib.suppress(LedgerError):
            return sum(job.ended for job in self.jobs())
        return 0

    def until_ended(self, at_least: int | None = None) -> None:
        """Until so many jobs have ended; None: all of them."""
        wanted = len(self.jobs()) if at_least is None else at_least
        self._until(lambda: self.ended() >= wanted, lambda: f"{self.ended()} of {wanted} ended: {self.told()}")

    def until_measured(self, at_least: int) -> None:
        """Until so many sessions have begun on devices, and one of them is running or has just ended."""
        self._until(lambda: len(runs_on(self.world.roots)) >= at_least, lambda: f"nothing is measured: {self.told()}")

    def wrongs(self) -> list[str]:
        return wrongs(self.jobs(), recorded_in(self.ledger), runs_on(self.world.roots), self._witness.claims())

    def told(self) -> str:
        """What the workers said last, for whoever looks into a failed test."""
        logs = [log for site in self.world.sites.values() for log in sorted(site.folder.glob("*.log"))]
        return "\n".join(f"--- {log.parent.name} {log.name}\n{log.read_text()[-3000:]}" for log in logs)

    def close(self) -> None:
        for worker in self.workers.values():
            end_all(worker)
        self._witness.end()
        self.ledger.close()

    def _until(self, true: Callable[[], bool], otherwise: Callable[[], str]) -> None:
        give_up_s = time.monotonic() + PATIENCE_S
        while not true():
            assert time.monotonic() < give_up_s, otherwise()
            self.require_alive()
            time.sleep(_POLL_S)

    def require_alive(self) -> None:
        """A worker whose ledger is away goes on: none ends by itself."""
        died = {name: worker.poll() for name, worker in self.workers.items() if worker.poll() not in (None, -9)}
        assert not died, f"workers have ended: {died}\n{self.told()}"


@contextmanager
def farm(world: World) -> Iterator[Farm]:
    made = Farm(world)
    try:
        made.open()
        yield made
    finally:
        made.close()
