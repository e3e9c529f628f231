"""A device that is had: in the ledger, on the device over a real sshd, kept by heartbeats, lost and told."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from agents.device_facts import DeviceProbe
from orchestrator.errors import DeviceHeld, LeaseLost
from orchestrator.ledger import leases
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.deploy.archive import AgentArchive
from orchestrator.measure.deploy.run import run_session
from orchestrator.measure.lab import device_lease
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.lease import abandon_all, hold, take
from orchestrator.measure.transports.ssh import SshTransport
from tests.hosts import SshHost
from tests.orchestrator.measure.sessions import Files, echo_spec, ready

DEVICE = Device("device", "ssh", host="127.0.0.1")


class Bench:
    """One device behind sshd, and ledgers of controllers that know nothing of each other."""

    def __init__(self, host: SshHost, agent: DeployedAgent, folder: Path) -> None:
        self.host, self.agent, self._folder = host, agent, folder

    def connect(self) -> SshTransport:
        return SshTransport("device", self.host.target)

    def ledger(self, name: str) -> Ledger:
        return Ledger.open(self._folder / name / "ledger.db")


@pytest.fixture
def bench(
    ssh_host: SshHost, archive: AgentArchive, probe: DeviceProbe, files: Files, tmp_path: Path
) -> Iterator[Bench]:
    with SshTransport("device", ssh_host.target) as transport:
        yield Bench(ssh_host, ready(transport, archive, tmp_path / "root", files, probe), tmp_path)


def test_in_one_ledger_the_second_is_refused_with_who_and_what_for(bench: Bench) -> None:
    with bench.ledger("one") as ledger:
        with hold(ledger, DEVICE, "tune kws", bench.connect):
            with pytest.raises(DeviceHeld, match=r"device is held by .*@.*:\d+ since .* for: tune kws") as caught:
                take(ledger, "device", "run")
            assert "earshot devices release device --force" in str(caught.value.hint)
        with hold(ledger, DEVICE, "again", bench.connect):
            pass


def test_with_two_ledgers_the_device_refuses_and_tokens_go_on_growing(bench: Bench) -> None:
    with bench.ledger("one") as one, bench.ledger("two") as two:
        with (
            hold(one, DEVICE, "first", bench.connect) as first,
            first.on_device(bench.agent),
            hold(two, DEVICE, "second", bench.connect) as second,
            pytest.raises(DeviceHeld, match=r"for: first .*another ledger"),
            second.on_device(bench.agent),
        ):
            raise AssertionError("two have the device")
        with hold(two, DEVICE, "third", bench.connect) as third, third.on_device(bench.agent):
            assert third.token > first.token
            lease = leases.lease_of(two, "device")
            assert lease is not None
            assert (lease.token, lease.on_device) == (third.token, (lease.lease_id,))
        assert device_lease.show(bench.agent).granted


def test_who_waits_is_told_why_once_and_gets_it(bench: Bench) -> None:
    told: list[str] = []
    with bench.ledger("one") as one, bench.ledger("two") as two:
        first = ExitStack()
        first.enter_context(first.enter_context(hold(one, DEVICE, "first", bench.connect)).on_device(bench.agent))

        def finish() -> None:
            while not told:
                time.sleep(0.01)
            first.close()

        finisher = threading.Thread(target=finish)
        finisher.start()
        with (
            bench.connect() as own,
            hold(two, DEVICE, "second", bench.connect, wait_s=60, on_wait=told.append) as second,
            second.on_device(replace(bench.agent, transport=own)),
        ):
            pass
        finisher.join()
    assert len(told) == 1
    assert told[0].startswith("waiting: device is held by ")


def test_heartbeats_reach_the_device_between_sessions_and_never_during_one(bench: Bench) -> None:
    with bench.ledger("one") as ledger, hold(ledger, DEVICE, "test", bench.connect) as mine:
        with mine.on_device(bench.agent):
            before = bench.host.logins()
            mine.beat()
            assert bench.host.logins() == before + 1
            with mine.measuring():
                mine.beat()
            assert bench.host.logins() == before + 1
            fence = device_lease.show(bench.agent).fence
            assert fence is not None
            assert fence.heard.utc_s > fence.since_utc_s
        mine.beat()
        assert bench.host.logins() == before + 1, "the lease was given back"


def test_a_heartbeat_that_cannot_reach_the_device_is_no_error(bench: Bench) -> None:
    def away() -> SshTransport:
        return SshTransport("device", replace(bench.host.target, port=1))

    with bench.ledger("one") as ledger, hold(ledger, DEVICE, "test", away) as mine, mine.on_device(bench.agent):
        mine.beat()
        mine.check()


def test_who_lost_the_lease_in_the_ledger_is_told_by_the_next_heartbeat(bench: Bench) -> None:
    with bench.ledger("one") as ledger, hold(ledger, DEVICE, "test", bench.connect) as mine:
        take(ledger, "device", "urgent", force=True)
        mine.beat()
        with pytest.raises(LeaseLost, match="took it for: urgent"), mine.measuring():
            raise AssertionError("a session would have been started")


def test_who_lost_the_lease_on_the_device_can_start_no_session(bench: Bench, files: Files, tmp_path: Path) -> None:
    with bench.ledger("one") as one, bench.ledger("two") as two:
        with hold(one, DEVICE, "first", bench.connect) as mine, mine.on_device(bench.agent):
            other = take(two, "device", "urgent")
            device_lease.acquire(bench.agent, other, force=True)
            spec = echo_spec(files, fence=mine.token)
            with pytest.raises(LeaseLost, match="took this device with token") as caught:
                run_session(bench.agent, spec, on_event=lambda event: None, arrays_dir=tmp_path)
            assert "the same command goes on" in str(caught.value.hint)
            assert not list((tmp_path / "root").glob("sessions/*"))
            mine.beat()
            with pytest.raises(LeaseLost, match="given to somebody else"):
                mine.check()
        fence = device_lease.show(bench.agent).fence
        assert fence is not None
        assert (fence.lease_id, fence.released) == (other.lease_id, False), "what is another's is not given back"


def test_what_a_process_has_is_given_back_before_it_ends_at_once(bench: Bench) -> None:
    with (
        bench.ledger("one") as ledger,
        hold(ledger, DEVICE, "test", bench.connect) as mine,
        mine.on_device(bench.agent),
    ):
        abandon_all()
        assert device_lease.show(bench.agent).granted
        lease = leases.lease_of(ledger, "device")
        assert lease is not None
        assert lease.released
