"""Three sites, each fault once: every planned session ran once, on its device, and is in the ledger once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.farm.farm import Farm, farm
from tests.farm.faults import cut, kill_and_start_again, restart_database
from tests.farm.hub import ONE_WAY
from tests.farm.world import world

# One world for all of them.
pytestmark = pytest.mark.xdist_group("farm")

_DEVICES_PER_SITE, _RUNS = 1, 5


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    with world(tmp_path_factory.mktemp("farm"), _DEVICES_PER_SITE) as sites, farm(sites) as working:
        yield working


def test_never_wrong(made: Farm) -> None:
    berlin, porto, _ = made.world.sites.values()
    made.submit("--devices", "all", "--runs", str(_RUNS))
    made.until_measured(1)
    kill_and_start_again(made, berlin)
    cut(made, porto, ONE_WAY, 3.0)
    made.until_ended(2)
    restart_database(made)
    made.until_ended()
    assert made.wrongs() == []
    assert len(made.jobs()) == len(made.world.roots) * _RUNS + 1, "a session each, and one export for all"


def test_a_worker_listens_nowhere(made: Farm) -> None:
    for site in made.world.sites.values():
        listening = site.cable.site.run(["ss", "--no-header", "--listening", "--tcp", "--udp", "--numeric"])
        assert listening == "", f"something listens at {site.name}"


def test_nothing_of_how_devices_are_reached_is_in_the_database(made: Farm, tmp_path: Path) -> None:
    dump = made.world.server.dump(tmp_path / "dump.sql")
    assert "berlin-" in dump
    for site in made.world.sites.values():
        for secret in site.secrets():
            assert secret not in dump, f"the database knows {secret!r} of {site.name}"
