"""Three sites and a PostgreSQL, each in a network of its own: what the tests of the farm break."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.ledger.ledger import Ledger
from tests.farm.hub import ADDRESS, SUBNET, Hub
from tests.farm.site import Site
from tests.postgres import Postgres, Where, postgres

NAMES = ("berlin", "porto", "turku")
# OpenSSH on most of them, dropbear with BusyBox on the last one.
_KINDS = ("pi5", "pi4", "pi5", "orin-nano")


@dataclass
class World:
    """``url``: the ledger's, as sites reach it. ``desk``: who submits and looks, beside the database."""

    sites: dict[str, Site]
    server: Postgres
    url: str
    desk: Path

    @property
    def roots(self) -> dict[str, Path]:
        return {device: root for site in self.sites.values() for device, root in site.roots.items()}

    def ledger(self) -> Ledger:
        """By the database's socket, which no cut reaches."""
        return Ledger.open(self.desk / "ledger.db")


# The tests' PostgreSQL tells of commits before they are on its disk (synchronous_commit=off), so that a crash loses the
# last ones: what a fail-over to a standby that was behind does, and worse than a crash of a farm's own server is.
@contextmanager
def world(folder: Path, devices_per_site: int = 4, names: tuple[str, ...] = NAMES) -> Iterator[World]:
    with ExitStack() as stack:
        hub = Hub()
        stack.callback(hub.close)
        where = Where(tuple(hub.namespace.argv([])), ADDRESS, SUBNET)
        server = stack.enter_context(postgres(where=where))
        sites = {}
        for number, name in enumerate(names, 1):
            sites[name] = Site(name, hub, number, _kinds(name, devices_per_site), folder / name)
            stack.callback(sites[name].close)
        with ThreadPoolExecutor(len(sites)) as pool:
            list(pool.map(Site.switch_on, sites.values()))
        desk = folder / "desk"
        desk.mkdir()
        (desk / "ledger.url").write_text(server.socket_url() + "\n")
        yield World(sites, server, server.url(), desk)


def _kinds(site: str, count: int) -> Mapping[str, str]:
    chosen = (*_KINDS[: count - 1], _KINDS[-1])
    return {f"{site}-{kind}-{number}": kind for number, kind in enumerate(chosen)}
