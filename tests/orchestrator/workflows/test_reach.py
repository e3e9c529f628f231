"""A device is reached ahead of its lease only where nobody measures there, and what was reached is used while fresh."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from agents import uptime
from orchestrator.domain.lease import Lease
from orchestrator.errors import Unreachable
from orchestrator.ledger import leases
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.inventory import find_device, load_lab
from orchestrator.workflows import reach as reaching
from orchestrator.workflows.reach import Ahead, begin, in_environment
from tests.hosts import MakeHost, SshHost, lab_text

_PATIENCE_S = 60.0


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db") as opened:
        yield opened


def lab_file(host: SshHost, folder: Path) -> Path:
    path = folder / "lab.toml"
    path.write_text(lab_text(host, root=folder / "root"))
    return path


def device_of(host: SshHost, folder: Path) -> Device:
    return find_device(load_lab(lab_file(host, folder)), "device")


@contextmanager
def gone_again(host: SshHost) -> Iterator[None]:
    """Nobody is logged in any more soon after the block."""
    yield
    give_up_s = time.monotonic() + _PATIENCE_S
    while host.serving_pids():
        assert time.monotonic() < give_up_s
        time.sleep(0.05)


def test_reached_once_and_handed_over(make_ssh_host: MakeHost, ledger: Ledger, tmp_path: Path) -> None:
    host = make_ssh_host()
    device = device_of(host, tmp_path)
    with gone_again(host), closing(Ahead(device, ledger.place.folder / "ledger.db")) as ahead:
        agent = ahead.take(device)
        assert agent is not None
        with agent.transport:
            assert agent.probe.runtimes
            assert ahead.take(device) is None
            assert host.logins() == 1


def test_a_device_that_somebody_has_is_left_alone(make_ssh_host: MakeHost, ledger: Ledger, tmp_path: Path) -> None:
    host = make_ssh_host()
    device = device_of(host, tmp_path)
    held = Lease("device", "of-a", 1, "a", None, "test", "2026-11-21T04:00:00Z", uptime.now())
    leases.acquire(ledger, held, uptime.now(), lambda process: False)
    with closing(Ahead(device, ledger.place.folder / "ledger.db")) as ahead:
        assert ahead.take(device) is None
    assert host.logins() == 0


def test_what_is_no_longer_fresh_is_closed(
    make_ssh_host: MakeHost, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reaching, "_FRESH_S", -1.0)
    host = make_ssh_host()
    device = device_of(host, tmp_path)
    with gone_again(host), closing(Ahead(device, ledger.place.folder / "ledger.db")) as ahead:
        assert ahead.take(device) is None


def test_another_device_or_environment_is_not_it(make_ssh_host: MakeHost, ledger: Ledger, tmp_path: Path) -> None:
    host = make_ssh_host()
    device = device_of(host, tmp_path)
    with gone_again(host), closing(Ahead(device, ledger.place.folder / "ledger.db")) as ahead:
        assert ahead.take(in_environment(device, "other")) is None


def test_nobody_takes_it(make_ssh_host: MakeHost, ledger: Ledger, tmp_path: Path) -> None:
    host = make_ssh_host()
    with gone_again(host):
        ahead = begin(lab_file(host, tmp_path), "device", None, ledger.place.folder / "ledger.db")
        assert ahead is not None
        ahead.close()


def test_who_takes_it_is_told_what_went_wrong(make_ssh_host: MakeHost, ledger: Ledger, tmp_path: Path) -> None:
    host = make_ssh_host()
    device = device_of(host, tmp_path)
    host.stop()
    with closing(Ahead(device, ledger.place.folder / "ledger.db")) as ahead:
        with pytest.raises(Unreachable):
            ahead.take(device)
        assert ahead.take(device) is None


def test_nothing_begins_where_the_device_is_not_known(tmp_path: Path) -> None:
    assert begin(tmp_path / "none.toml", "pi5", None, tmp_path / "ledger.db") is None
    assert begin(None, "any:pixel", None, tmp_path / "ledger.db") is None
