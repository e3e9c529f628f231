"""Twelve devices and every fault, many times and all at once: `make farm-faults`, about a quarter of an hour."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.farm.farm import Farm, farm
from tests.farm.faults import Storm, cut, kill_and_start_again, restart_database
from tests.farm.hub import CUTS
from tests.farm.world import world

_DEVICES_PER_SITE, _RUNS = 4, 10
_STORM_S = 180.0


@contextmanager
def _working(folder: Path, *, with_standby: bool = False) -> Iterator[Farm]:
    """With an order for all of its devices, of which something is measured already."""
    with world(folder, _DEVICES_PER_SITE, with_standby=with_standby) as sites, farm(sites) as made:
        made.submit("--devices", "all", "--runs", str(_RUNS))
        made.until_measured(len(sites.roots))
        yield made


def _assert_right(made: Farm, told: list[str] | None = None) -> None:
    made.until_ended()
    found = made.wrongs()
    assert found == [], "\n".join([*found, *(told or [])])
    assert len(made.jobs()) == len(made.world.roots) * _RUNS + 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_storm(tmp_path: Path, seed: int) -> None:
    with _working(tmp_path / "farm") as made:
        storm = Storm(made, seed)
        storm.begin()
        try:
            give_up_s = time.monotonic() + _STORM_S
            while time.monotonic() < give_up_s and made.ended() < len(made.world.roots) * _RUNS + 1:
                time.sleep(1.0)
        finally:
            storm.end()
        _assert_right(made, storm.told)


def test_every_worker_is_killed_again_and_again(tmp_path: Path) -> None:
    with _working(tmp_path / "farm") as made:
        for _ in range(3):
            for site in made.world.sites.values():
                kill_and_start_again(made, site)
            time.sleep(10.0)
        _assert_right(made)


@pytest.mark.parametrize("how", CUTS)
def test_a_cut_that_is_longer_than_anybody_waits(tmp_path: Path, how: str) -> None:
    """The site goes on from its snapshot, and its worker counts as lost meanwhile."""
    with _working(tmp_path / "farm") as made:
        cut(made, made.world.sites["porto"], how, 90.0)
        _assert_right(made)


def test_a_worker_that_never_comes_back_and_another_host_of_its_site(tmp_path: Path) -> None:
    with _working(tmp_path / "farm") as made:
        berlin = made.world.sites["berlin"]
        made.kill_worker(berlin)
        made.start_worker(berlin, "second")
        _assert_right(made)


def test_a_database_that_is_restarted_again_and_again(tmp_path: Path) -> None:
    with _working(tmp_path / "farm") as made:
        for down_s in (0.0, 5.0, 40.0):
            restart_database(made, down_s)
            time.sleep(5.0)
        _assert_right(made)


def test_a_standby_that_was_behind_takes_over(tmp_path: Path) -> None:
    with _working(tmp_path / "farm", with_standby=True) as made:
        made.until_ended(_DEVICES_PER_SITE)
        made.fail_over()
        _assert_right(made)
