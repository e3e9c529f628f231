"""What is cut is cut in the way that it says, and heals: seen by a client of the database with a connection open."""

import contextlib
import select
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.farm.hub import ADDRESS, CUTS, DOWN, ONE_WAY, SUBNET, Cable, Hub
from tests.postgres import Postgres, Where, postgres

pytestmark = pytest.mark.xdist_group("farm")

# Says what it read; what is asked meanwhile lies in the database, whether or not the answer came.
_CLIENT = """
import sys, psycopg
with psycopg.connect(sys.argv[1], autocommit=True, connect_timeout=10) as connection:
    for line in sys.stdin:
        heard = connection.execute("insert into heard values (%s) returning word", (line.strip(),))
        print(heard.fetchone(), flush=True)
"""


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with contextlib.closing(Hub()) as made:
        yield made


@pytest.fixture(scope="module")
def server(hub: Hub) -> Iterator[Postgres]:
    with postgres(where=Where(tuple(hub.namespace.argv([])), ADDRESS, SUBNET)) as made, made.connect() as connection:
        connection.execute("create table heard (word text)")
        yield made


@pytest.mark.parametrize("how", CUTS)
def test_an_open_connection_hears_nothing_and_goes_on_where_the_cable_is_healed(
    hub: Hub, server: Postgres, how: str
) -> None:
    with contextlib.closing(Cable(hub, CUTS.index(how) + 1)) as cable, _client(cable, server) as client:
        assert _asked(client, f"{how} 1") == f"('{how} 1',)\n"
        cable.cut(how)
        _ask(client, f"{how} 2")
        assert not _answers(client, within_s=1.0)
        assert client.poll() is None, "no word of the cut came to it"
        assert _heard(server, f"{how} 2") == (how == ONE_WAY)
        assert (_dialled(cable) == "at once") == (how == DOWN)
        cable.heal()
        assert client.stdout is not None
        assert client.stdout.readline() == f"('{how} 2',)\n"
        assert _heard(server, f"{how} 2")


def test_one_site_is_cut_and_the_other_is_not(hub: Hub, server: Postgres) -> None:
    with contextlib.closing(Cable(hub, 11)) as cut, contextlib.closing(Cable(hub, 12)) as whole:
        cut.cut(CUTS[0])
        with _client(whole, server) as client:
            assert _asked(client, "whole") == "('whole',)\n"


@contextlib.contextmanager
def _client(cable: Cable, server: Postgres) -> Iterator["subprocess.Popen[str]"]:
    argv = cable.site.argv([sys.executable, "-c", _CLIENT, server.url()])
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _ask(client: "subprocess.Popen[str]", word: str) -> None:
    assert client.stdin is not None
    client.stdin.write(word + "\n")
    client.stdin.flush()


def _asked(client: "subprocess.Popen[str]", word: str) -> str:
    _ask(client, word)
    assert client.stdout is not None
    return client.stdout.readline()


def _answers(client: "subprocess.Popen[str]", *, within_s: float) -> bool:
    assert client.stdout is not None
    return bool(select.select([client.stdout], [], [], within_s)[0])


def _heard(server: Postgres, word: str) -> bool:
    with server.connect() as connection:
        return bool(connection.execute("select from heard where word = %s", (word,)).rowcount)


def _dialled(cable: Cable) -> str:
    """``at once`` where a new connection is refused without waiting."""
    dial = f"import socket; socket.create_connection(('{ADDRESS}', 1), timeout=1)"
    done = subprocess.run(cable.site.argv([sys.executable, "-c", dial]), capture_output=True, text=True)
    return "waited" if "timed out" in done.stderr else "at once"
