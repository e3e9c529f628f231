"""The border where errors of sockets and of adb become ours."""

import contextlib
import socket
from collections.abc import Iterator

from orchestrator.errors import EarshotError, Unreachable
from orchestrator.measure.transports.adb_wire import NotAdb

CHECK_LINK = "check cable, power and network, then try again"


@contextlib.contextmanager
def mapped(place: str) -> Iterator[None]:
    """Whatever the link raises, as Unreachable. A timeout in here is one of the link, not of a command."""
    try:
        yield
    except EarshotError:
        raise
    except (OSError, EOFError) as exc:
        raise unreachable(place, exc) from exc


def unreachable(place: str, exc: OSError | EOFError) -> Unreachable:
    reason, hint = _reason(exc)
    return Unreachable(f"{place}: {reason}", hint=hint)


def _reason(exc: OSError | EOFError) -> tuple[str, str]:
    """(what happened, what to do)."""
    if isinstance(exc, socket.gaierror):
        return "no such host name", "check host in lab.toml"
    if isinstance(exc, ConnectionRefusedError):
        what = "connection refused" if exc.strerror else str(exc)
        return what, "is adbd listening there? after a restart a phone needs, once by cable: adb tcpip PORT"
    if isinstance(exc, NotAdb):
        return str(exc), "is that port adbd's? check host and port in lab.toml"
    if isinstance(exc, TimeoutError):
        return "no answer in time", CHECK_LINK
    if isinstance(exc, EOFError | ConnectionError):
        return "the link was lost", CHECK_LINK
    return (exc.strerror or str(exc) or "the link was lost").lower(), CHECK_LINK
