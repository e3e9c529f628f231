"""Who may start sessions on a device: tokens that only grow, leases that expire, sessions that make room."""

import json
import multiprocessing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents import fence, strict_json, wire
from agents.fence import FenceFile, LeaseAnswer, LeaseRequest
from agents.store import BadRequest, Store
from agents.uptime import Moment
from tests.agents.device import Device
from tests.agents.test_lifecycle import journal, kinds, slow_spec, start, wait_for


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "root"))


class Clock:
    """A machine's clocks, to be moved by hand."""

    def __init__(self) -> None:
        self.boot_id, self.uptime_s, self.utc_s = "first", 1000.0, 1.7e9

    def __call__(self) -> Moment:
        return Moment(self.boot_id, self.uptime_s, self.utc_s)

    def pass_time(self, seconds: float) -> None:
        self.uptime_s += seconds
        self.utc_s += seconds

    def reboot(self) -> None:
        self.boot_id, self.uptime_s = "second", 5.0


def request(holder: str = "alice@one:1", **changes: Any) -> LeaseRequest:
    plain = LeaseRequest(lease_id=f"of {holder}", holder=holder, purpose="test", ttl_s=60.0)
    return replace(plain, **changes)


def granted(answer: LeaseAnswer) -> int:
    assert answer.granted
    assert answer.fence is not None
    return answer.fence.token


def test_tokens_only_grow_and_are_never_given_twice(store: Store) -> None:
    clock = Clock()
    assert granted(fence.acquire(store, request("a"), clock)) == 1
    assert fence.release(store, 1, clock)
    assert granted(fence.acquire(store, request("b"), clock)) == 2
    assert fence.release(store, 2, clock)
    assert granted(fence.acquire(store, request("c", token=10), clock)) == 10
    assert fence.release(store, 10, clock)
    assert granted(fence.acquire(store, request("d", token=4), clock)) == 11


def test_a_held_device_is_refused_with_its_holder(store: Store) -> None:
    clock = Clock()
    granted(fence.acquire(store, request("alice@one:1"), clock))
    clock.pass_time(20)
    refused = fence.acquire(store, request("bob@two:2"), clock)
    assert not refused.granted
    assert refused.fence is not None
    assert (refused.fence.holder, refused.fence.purpose, refused.silent_s) == ("alice@one:1", "test", 20.0)


def test_a_lease_that_is_not_heard_of_expires_and_a_beat_keeps_it(store: Store) -> None:
    clock = Clock()
    token = granted(fence.acquire(store, request("a"), clock))
    for _ in range(10):
        clock.pass_time(50)
        assert fence.beat(store, token, now=clock)
    assert not fence.acquire(store, request("b"), clock).granted
    clock.pass_time(61)
    assert granted(fence.acquire(store, request("b"), clock)) == token + 1
    assert not fence.beat(store, token, now=clock), "whoever lost the lease is told"
    assert not fence.release(store, token, clock)


@pytest.mark.parametrize("step_s", [3600.0, -3600.0, 1e9])
def test_setting_the_clock_moves_no_lease(store: Store, step_s: float) -> None:
    clock = Clock()
    granted(fence.acquire(store, request("a"), clock))
    clock.utc_s += step_s
    clock.pass_time(30)
    assert not fence.acquire(store, request("b"), clock).granted
    clock.pass_time(31)
    assert fence.acquire(store, request("b"), clock).granted


def test_after_a_restart_of_the_device_a_lease_gets_its_time_anew(store: Store) -> None:
    clock = Clock()
    granted(fence.acquire(store, request("a"), clock))
    clock.reboot()
    assert not fence.acquire(store, request("b"), clock).granted, "its holder may be on the way back"
    clock.pass_time(60)
    assert fence.acquire(store, request("b"), clock).granted


def test_who_knows_that_the_holder_is_gone_need_not_wait(store: Store) -> None:
    clock = Clock()
    granted(fence.acquire(store, request("dead"), clock))
    assert not fence.acquire(store, request("b", replaces=("of another",)), clock).granted
    assert granted(fence.acquire(store, request("b", replaces=("of another", "of dead")), clock)) == 2


def test_force_takes_it_from_anybody_also_with_a_damaged_file(store: Store) -> None:
    clock = Clock()
    granted(fence.acquire(store, request("a"), clock))
    assert granted(fence.acquire(store, request("b", force=True), clock)) == 2
    Path(FenceFile(store).path).write_text("{")
    with pytest.raises(BadRequest, match="damaged"):
        fence.acquire(store, request("c"), clock)
    assert granted(fence.acquire(store, request("c", force=True, token=3), clock)) == 3


def test_a_lease_can_be_extended(store: Store) -> None:
    clock = Clock()
    token = granted(fence.acquire(store, request("a"), clock))
    assert fence.beat(store, token, ttl_s=7200.0, now=clock)
    clock.pass_time(7000)
    assert not fence.acquire(store, request("b"), clock).granted


def _race(root: str, name: str, rounds: int, results: Any) -> None:
    store = Store(root)
    for number in range(rounds):
        answer = fence.acquire(store, LeaseRequest(f"{name}-{number}", name, "race", 60.0))
        if answer.granted and answer.fence is not None:
            results.append((answer.fence.token, name))
            assert fence.release(store, answer.fence.token)


def test_processes_that_race_never_get_the_same_token(store: Store) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Manager() as shared:
        results = shared.list()
        racers = [context.Process(target=_race, args=(store.root, f"racer{i}", 50, results)) for i in range(3)]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join(timeout=120)
        tokens = [token for token, _ in results]
    assert [racer.exitcode for racer in racers] == [0, 0, 0]
    assert sorted(tokens) == list(range(1, len(tokens) + 1))


class TestSessions:
    """The real agent, as processes."""

    def acquire(self, device: Device, holder: str, **changes: Any) -> fence.Fence:
        wanted = strict_json.to_json(request(holder, **changes))
        said = json.loads(device.call("lease-acquire", stdin=wanted).stdout)
        answer = strict_json.from_json(LeaseAnswer, said)
        assert answer.granted, answer
        assert answer.fence is not None
        return answer.fence

    def test_an_older_token_starts_nothing_and_is_told_who_has_the_device(self, device: Device) -> None:
        mine = self.acquire(device, "alice@one:1")
        theirs = self.acquire(device, "bob@two:2", force=True)
        run = device.run(device.spec(fence=mine.token))
        assert (run.code, run.stdout) == (wire.EXIT_FENCED, "")
        assert f"bob@two:2 took this device with token {theirs.token}" in run.stderr
        assert "its lease (token 1) is over" in run.stderr
        assert not (device.root / "sessions" / "s1").exists()
        assert device.run(device.spec(fence=theirs.token)).result.outcome == "ok"

    def test_without_a_lease_nothing_starts_where_leases_are_given_out(self, device: Device) -> None:
        self.acquire(device, "alice@one:1")
        assert device.run(device.spec()).code == wire.EXIT_FENCED

    def test_a_new_token_goes_on_with_the_session_of_the_last_one(self, device: Device) -> None:
        mine = self.acquire(device, "alice@one:1")
        spec = slow_spec(device, 150, fence=mine.token)
        first = start(device, spec)
        wait_for(lambda: "loaded" in kinds(device))
        first.kill()
        first.communicate()
        again = self.acquire(device, "alice@one:9", replaces=(mine.lease_id,))
        run = device.run(replace(spec, fence=again.token))
        assert (run.code, run.result.outcome) == (0, "ok")
        assert [e.kind for e in journal(device)].count("accepted") == 1

    def test_what_is_finished_can_be_collected_without_the_lease(self, device: Device) -> None:
        mine = self.acquire(device, "alice@one:1")
        spec = device.spec(fence=mine.token)
        whole = device.whole_run(spec)
        self.acquire(device, "bob@two:2", force=True)
        assert device.run(spec).stdout == whole

    def test_a_session_of_an_older_lease_makes_room_and_starts_anew_under_the_next(self, device: Device) -> None:
        mine = self.acquire(device, "alice@one:1")
        spec = slow_spec(device, 3000, fence=mine.token)
        follower = start(device, spec)
        wait_for(lambda: "loaded" in kinds(device))
        theirs = self.acquire(device, "bob@two:2", force=True)
        other = device.run(device.spec(session_id="s2", fence=theirs.token))
        assert other.result.outcome == "ok"
        stdout, _ = follower.communicate(timeout=60)
        result = json.loads(stdout.splitlines()[-1])["data"]["result"]
        assert (result["outcome"], result["failure"]) == ("failed", "fenced")
        assert "given to another controller (token 2 after 1)" in result["reason"]
        ended_ns = journal(device)[-1].t_ns
        assert ended_ns < journal(device, "s2")[0].t_ns, "the two did not overlap"
        third = self.acquire(device, "alice@one:1", lease_id="another", force=True)
        assert device.run(replace(spec, fence=mine.token)).result.failure == "fenced"
        anew = start(device, replace(spec, fence=third.token))
        wait_for(lambda: kinds(device)[-1:] == ["progress"])
        anew.kill()
        anew.communicate()
        self.acquire(device, "bob@two:2", lease_id="last", force=True)
        assert device.run(device.spec(session_id="s3", fence=4)).result.outcome == "ok"

    def test_a_running_session_keeps_the_lease_without_a_word_from_its_controller(self, device: Device) -> None:
        mine = self.acquire(device, "alice@one:1", ttl_s=0.2)
        follower = start(device, slow_spec(device, 300, fence=mine.token))
        wait_for(lambda: "loaded" in kinds(device))
        wanted = strict_json.to_json(request("bob@two:2"))
        wait_for(lambda: fence.show(Store(str(device.root))).silent_s > 0.5)
        assert json.loads(device.call("lease-acquire", stdin=wanted).stdout)["granted"] is False
        follower.communicate(timeout=60)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (("lease-beat", "--token", "x"), "--token must be a number"),
            (("lease-release",), "--token is needed"),
        ],
    )
    def test_requests_that_cannot_be(self, device: Device, options: tuple[str, ...], message: str) -> None:
        done = device.call(*options)
        assert done.returncode == wire.EXIT_BAD_REQUEST
        assert message in done.stderr
