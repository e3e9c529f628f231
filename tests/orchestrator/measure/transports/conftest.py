"""Every way to a device, for the contract that all of them keep."""

from collections.abc import Iterator

import pytest

from orchestrator.measure.transports import adb_connection, adb_tcp
from orchestrator.measure.transports.base import Transport
from tests.orchestrator.measure.conftest import open_device
from tests.phones import adb_key, adbd_root, make_phone, phone, shared_phone

__all__ = ["adb_key", "adbd_root", "make_phone", "phone", "shared_phone"]


@pytest.fixture(params=["local", "ssh", "adb"])
def transport(request: pytest.FixtureRequest) -> Iterator[Transport]:
    with _open(request) as opened:
        yield opened


def _open(request: pytest.FixtureRequest) -> Transport:
    if request.param == "adb":
        opened: Transport = request.getfixturevalue("shared_phone").open()
        return opened
    return open_device(request, request.param)


@pytest.fixture
def short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in real use, only sooner."""
    for name, value in {"CONNECT_TIMEOUT_S": 2.0, "LINK_TIMEOUT_S": 2.0}.items():
        monkeypatch.setattr(adb_tcp, name, value)
    for name in ("PROBE_IDLE_S", "PROBE_INTERVAL_S", "PROBE_COUNT"):
        monkeypatch.setattr(adb_tcp, name, 1)
    monkeypatch.setattr(adb_connection, "HANDSHAKE_TIMEOUT_S", 2.0)
