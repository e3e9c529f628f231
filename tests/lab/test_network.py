"""The cable of a stand-in: silence when it is cut, delay and bandwidth that change while connections are open."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.measure.standin.namespaces import Namespace, has_root
from orchestrator.measure.standin.network import Link, Quality
from tests.hosts import require_program
from tests.lab.command import interfaces

PORT = 7007
# Echoes what it gets, until its stdin ends.
ECHO = """
import socketserver, sys, threading
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while (data := self.request.recv(65536)):
            self.request.sendall(data)
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads = True, True
server = Server(("0.0.0.0", 7007), Echo)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("listening", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def link() -> Iterator[Link]:
    for name in ("ip", "tc", "unshare", "nsenter"):
        require_program(name)
    if not has_root():
        pytest.skip("needs root: it dials from this machine's own network namespace")
    with Link() as made, _echo_server(made.namespace):
        yield made


@contextlib.contextmanager
def _echo_server(namespace: Namespace) -> Iterator[None]:
    argv = namespace.argv(["python3", "-I", "-c", ECHO])
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout
        assert server.stdout.readline() == b"listening\n"
        yield
        server.kill()


def dial(link: Link, timeout_s: float = 5.0) -> socket.socket:
    made = socket.create_connection((link.device_address, PORT), timeout=timeout_s)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def round_trip_s(connection: socket.socket) -> float:
    """The best of five: a busy machine adds to each."""
    found = []
    for _ in range(5):
        begin_s = time.monotonic()
        connection.sendall(b"x")
        assert connection.recv(1) == b"x"
        found.append(time.monotonic() - begin_s)
    return min(found)


def test_a_cut_link_is_silent_and_heals(link: Link) -> None:
    with dial(link) as connection:
        link.cut()
        connection.sendall(b"lost?")  # Nobody says that the cable is out.
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        with pytest.raises(TimeoutError):
            dial(link, timeout_s=0.5)
        link.restore()
        connection.settimeout(20)
        assert connection.recv(5) == b"lost?"


@pytest.mark.parametrize("quality", [Quality(), Quality(delay_ms=1)], ids=["bridged", "relayed"])
def test_cutting_twice_and_restoring_twice_changes_nothing(link: Link, quality: Quality) -> None:
    link.set_quality(quality)
    link.cut()
    link.cut()
    with pytest.raises(TimeoutError):
        dial(link, timeout_s=0.3)
    link.restore()
    link.restore()
    dial(link).close()


def test_delay_comes_and_goes_while_a_connection_is_open(link: Link) -> None:
    with dial(link) as connection:
        plain_s = round_trip_s(connection)
        link.set_quality(Quality(delay_ms=40))
        delayed_s = round_trip_s(connection)
        link.set_quality(Quality())
        assert delayed_s >= 0.080
        assert plain_s < 0.080
        assert round_trip_s(connection) < 0.080


def test_a_limited_rate_holds_what_is_sent(link: Link) -> None:
    link.set_quality(Quality(rate_mbit=20))
    sent = bytes(2_000_000)
    with dial(link, timeout_s=60) as connection:
        begin_s = time.monotonic()
        connection.sendall(sent)
        got = 0
        while got < len(sent):
            got += len(connection.recv(1 << 20))
        # 2 MB at 20 Mbit/s take 0.8 s, less what the bucket lets through at once.
        assert time.monotonic() - begin_s >= 0.7


def test_loss_slows_and_does_not_corrupt(link: Link) -> None:
    link.set_quality(Quality(delay_ms=1, jitter_ms=1, loss=0.02))
    sent = bytes(range(256)) * 2000
    with dial(link, timeout_s=60) as connection:
        connection.sendall(sent[: 1 << 18])
        got = b""
        while len(got) < 1 << 18:
            got += connection.recv(1 << 20)
    assert got == sent[: 1 << 18]


def test_two_links_have_addresses_of_their_own(link: Link) -> None:
    with Link() as other:
        assert len({link.address, link.device_address, other.address, other.device_address}) == 4
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((other.device_address, PORT), timeout=5).close()
        dial(link).close()


def test_nothing_is_left_of_a_closed_link(link: Link) -> None:
    other = Link(Quality(delay_ms=1))
    number = socket.if_nametoindex(f"earshot{other.number}")
    holders = (other.wire.pid, other.namespace.pid)
    other.close()
    # Another test may have the name by now, but never the number.
    assert number not in interfaces()
    assert not any(_is_running(pid) for pid in holders)


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"rate_mbit": 0}, "rate_mbit"), ({"delay_ms": -1}, "delay_ms"), ({"loss": 1.5}, "loss")],
)
def test_a_quality_that_cannot_be_is_refused(settings: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Quality(**settings)


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
