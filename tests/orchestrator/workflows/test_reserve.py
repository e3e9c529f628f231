"""A device that went away is switched off and on once; of several that will do, a free one is taken."""

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.errors import DeviceHeld, DeviceQuarantined, Unreachable
from orchestrator.ledger import health, leases
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.lab.device import Device, Hooks
from orchestrator.measure.transports.ssh import SshTransport
from orchestrator.workflows.progress import Silent
from orchestrator.workflows.reserve import PowerCycle, first_free, reserved
from tests.hosts import MakeHost


class Notes(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db") as opened:
        yield opened


def test_a_device_that_does_not_answer_is_power_cycled_once_and_reached(
    make_ssh_host: MakeHost, ledger: Ledger, tmp_path: Path
) -> None:
    host, switched = make_ssh_host(), tmp_path / "switched"
    host.stop()
    hook = (sys.executable, "-c", "import pathlib, sys; pathlib.Path(sys.argv[1]).touch(); print('on')", str(switched))
    device, notes = Device("pi5", "ssh", hooks=Hooks(power_cycle=hook)), Notes()

    def power_supply() -> None:
        """What the hook's plug would do: the device starts."""
        while not switched.exists():
            time.sleep(0.02)
        host.start_again()

    supply = threading.Thread(target=power_supply)
    supply.start()
    cycle = PowerCycle(ledger, device, notes, connect_patience_s=0.0)
    with cycle.reach(lambda: SshTransport("pi5", host.target)) as transport:
        assert transport.exec(["echo", "hello"]).stdout == b"hello\n"
    supply.join()
    assert len(notes.said) == 1
    assert notes.said[0].endswith(f"127.0.0.1:{host.port}): connection refused; its power was cycled")
    (event,) = health.events(ledger, "pi5")
    assert (event.kind, event.detail.endswith("ended with 0: on")) == ("power", True)
    assert not cycle.once("again"), "at most once in a run"


def test_without_a_hook_an_unreachable_device_is_told_at_once(ledger: Ledger) -> None:
    def attempt() -> None:
        tried.append(1)
        raise Unreachable("connection refused")

    tried: list[int] = []
    with pytest.raises(Unreachable, match="refused"):
        PowerCycle(ledger, Device("pi5", "ssh"), Silent()).reach(attempt)
    assert tried == [1]


def test_a_hook_that_fails_leaves_the_devices_own_error(ledger: Ledger) -> None:
    def attempt() -> None:
        raise Unreachable("connection refused")

    device = Device("pi5", "ssh", hooks=Hooks(power_cycle=(sys.executable, "-c", "raise SystemExit(3)")))
    with pytest.raises(Unreachable, match="refused"):
        PowerCycle(ledger, device, Silent(), connect_patience_s=0.0).reach(attempt)
    assert "ended with 3" in health.events(ledger, "pi5")[0].detail


class TestFirstFree:
    devices = tuple(Device(name, "local") for name in ("a", "b", "c"))

    def test_the_first_that_nobody_has(self) -> None:
        assert first_free(self.devices, Attempt({"a": 9}), 0.0) == "b"

    def test_none_is_free_and_all_holders_are_named(self) -> None:
        with pytest.raises(DeviceHeld, match="all 3 devices are held: a is held; b is held; c is held"):
            first_free(self.devices, Attempt(dict.fromkeys("abc", 9)), 0.0)

    def test_whichever_becomes_free_while_waiting(self) -> None:
        assert first_free(self.devices, Attempt({"a": 9, "b": 1, "c": 9}), 60.0) == "b"

    def test_a_single_one_is_waited_for_by_itself(self) -> None:
        asked: list[float] = []
        first_free(self.devices[:1], lambda device, wait_s: asked.append(wait_s), 60.0)
        assert asked == [60.0]


class Attempt:
    """Each device is held so many times before it is free."""

    def __init__(self, held: dict[str, int]) -> None:
        self._held = held

    def __call__(self, device: Device, wait_s: float) -> str:
        left = self._held.get(device.name, 0)
        self._held[device.name] = left - 1
        if left > 0:
            raise DeviceHeld(f"{device.name} is held", expires_in_s=60.0)
        return device.name


def test_what_fails_in_a_reservation_counts_and_gives_the_device_back(ledger: Ledger) -> None:
    device = Device("pi5", "ssh", host="127.0.0.1", port=1)
    for _ in range(3):
        with pytest.raises(Unreachable), reserved(ledger, device, "test", Silent()):
            raise Unreachable("link lost")
        lease = leases.lease_of(ledger, "pi5")
        assert lease is not None
        assert lease.released
    with pytest.raises(DeviceQuarantined), reserved(ledger, device, "test", Silent()):
        raise AssertionError("a quarantined device was given out")
