"""Three sites and a PostgreSQL, each in a network of its own: what the tests of the farm break."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.ledger.ledger import Ledger
from tests.farm.hub import ADDRESS, SUBNET, Hub
from tests.farm.site import Site
from tests.postgres import Postgres, Where, postgres, standby_of

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
    standby: Postgres | None = None

    @property
    def roots(self) -> dict[str, Path]:
        return {device: root for site in self.sites.values() for device, root in site.roots.items()}

    def ledger(self) -> Ledger:
        """By the database's socket, which no cut reaches."""
        return Ledger.open(self.desk / "ledger.db")

    def fail_over(self) -> None:
        """The server is gone, the standby takes its place; the desk, which has no address for both, is told so."""
        assert self.standby is not None
        self.server.stop("immediate")
        self.standby.promote()
        self.server = self.standby
        _attach(self.desk, self.server.socket_url())


# The tests' PostgreSQL tells of commits before they are on its disk (synchronous_commit=off), so that a crash loses the
# last ones: what a fail-over to a standby that was behind does, and worse than a crash of a farm's own server is.
@contextmanager
def world(folder: Path, devices_per_site: int = 4, *, with_standby: bool = False) -> Iterator[World]:
    with ExitStack() as stack:
        hub = Hub()
        stack.callback(hub.close)
        where = Where(tuple(hub.namespace.argv([])), ADDRESS, SUBNET)
        server = stack.enter_context(postgres(where=where))
        standby = stack.enter_context(standby_of(server)) if with_standby else None
        sites = {}
        for number, name in enumerate(NAMES, 1):
            sites[name] = Site(name, hub, number, _kinds(name, devices_per_site), folder / name)
            stack.callback(sites[name].close)
        with ThreadPoolExecutor(len(sites)) as pool:
            list(pool.map(Site.switch_on, sites.values()))
        desk = folder / "desk"
        desk.mkdir()
        _attach(desk, server.socket_url())
        yield World(sites, server, _url(server, standby), desk, standby)


def _url(server: Postgres, standby: Postgres | None) -> str:
    """As sites reach it: whichever of the two takes writes."""
    if standby is None:
        return server.url()
    hosts = "&".join(f"host={ADDRESS}:{each.port}" for each in (server, standby))
    return f"postgresql://owner@/postgres?{hosts}&passfile={server.passfile}&target_session_attrs=read-write"


def _attach(desk: Path, url: str) -> None:
    (desk / "ledger.url").write_text(url + "\n")


def _kinds(site: str, count: int) -> Mapping[str, str]:
    chosen = (*_KINDS[: count - 1], _KINDS[-1])
    return {f"{site}-{kind}-{number}": kind for number, kind in enumerate(chosen)}
