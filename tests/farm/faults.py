"""What breaks in a farm: a worker's process, a site's link, the database; one by one, or all of it at random."""

import threading
import time
from random import Random

from tests.farm.farm import Farm
from tests.farm.hub import CUTS
from tests.farm.site import Site

# Of a storm: how long it is quiet between two faults of one kind, how long a link is away, how long the database is.
_QUIET_S, _CUT_S, _DOWN_S = (3.0, 15.0), (2.0, 40.0), (0.5, 10.0)
_BETWEEN_RESTARTS_S = (15.0, 45.0)


def kill_and_start_again(farm: Farm, site: Site) -> None:
    """As a supervisor would: at the same place."""
    farm.kill_worker(site)
    farm.start_worker(site)


def cut(farm: Farm, site: Site, how: str, seconds: float) -> None:
    site.cable.cut(how)
    try:
        time.sleep(seconds)
    finally:
        site.cable.heal()


def restart_database(farm: Farm, down_s: float = 1.0) -> None:
    """As after a crash: its clients hear nothing, or that the connection was reset."""
    farm.world.server.stop("immediate")
    time.sleep(down_s)
    farm.world.server.start()


class Storm:
    """Everything at once, from ``begin`` until ``end``: after that all is whole again, and a worker runs at each site.

    ``told``: what was done, with times, so that a storm can be read.
    """

    def __init__(self, farm: Farm, seed: int) -> None:
        self._farm, self._seed, self._over = farm, seed, threading.Event()
        self._begun_s = time.monotonic()
        self.told: list[str] = []
        sites = farm.world.sites.values()
        self._threads = [threading.Thread(target=self._of_site, args=(site,), name=site.name) for site in sites]
        self._threads.append(threading.Thread(target=self._of_database, name="database"))

    def begin(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        for site in self._farm.world.sites.values():
            site.cable.heal()
            if self._farm.workers[site.name].poll() is not None:
                self._farm.start_worker(site)

    def _of_site(self, site: Site) -> None:
        random = Random(f"{self._seed} {site.name}")
        while not self._over.wait(random.uniform(*_QUIET_S)):
            if random.random() < 0.5:
                self._tell(f"{site.name}: kill -9")
                self._farm.kill_worker(site)
                self._over.wait(random.uniform(0.0, 3.0))
                self._farm.start_worker(site)
            else:
                how, seconds = random.choice(CUTS), random.uniform(*_CUT_S)
                self._tell(f"{site.name}: cut ({how}) for {seconds:.0f} s")
                site.cable.cut(how)
                self._over.wait(seconds)
                site.cable.heal()

    def _of_database(self) -> None:
        random = Random(f"{self._seed} database")
        while not self._over.wait(random.uniform(*_BETWEEN_RESTARTS_S)):
            down_s = random.uniform(*_DOWN_S)
            self._tell(f"database: stopped (immediate) for {down_s:.0f} s")
            restart_database(self._farm, down_s)

    def _tell(self, what: str) -> None:
        self.told.append(f"{time.monotonic() - self._begun_s:6.1f} s  {what}")
