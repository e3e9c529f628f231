"""Between sessions: a stand-in board whose thermal zone cools, watched over the genuine sshd."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from agents import cooling
from orchestrator.errors import Unreachable
from orchestrator.measure.lab.cool_down import Cooler, lowest
from orchestrator.measure.lab.device import CoolDown
from orchestrator.measure.transports import ssh_connect
from tests.benches import Bench, bench, make_bench

__all__ = ["bench", "make_bench"]
ZONE = "cpu-thermal"


@contextmanager
def cooling_down(bench: Bench, start_c: float, end_c: float, *, each_s: float = 0.5) -> Iterator[None]:
    """The zone falls by a degree every ``each_s`` until ``end_c``, from when somebody waits for it."""

    def fall() -> None:
        _until_somebody_waits(bench)
        for celsius in range(int(start_c), int(end_c) - 1, -1):
            bench.heats(celsius)
            time.sleep(each_s)

    bench.heats(start_c)
    thread = threading.Thread(target=fall)
    thread.start()
    yield
    thread.join()


def test_the_baseline_is_the_lowest_of_each_sensor() -> None:
    assert lowest([{"a": 50.0, "b": 30.0}, {"a": 46.0}, {"c": 20.0, "b": 31.0}]) == {"a": 46.0, "b": 30.0, "c": 20.0}


def test_a_hot_board_is_waited_for_and_the_wait_is_recorded(bench: Bench) -> None:
    told: list[str] = []
    cooler = Cooler(bench.agent, CoolDown(within_c=3.0, at_most_s=120.0), {ZONE: 46.3}, told.append)
    with cooling_down(bench, 75.0, 46.0):
        cooled = cooler.wait("next")
    assert cooled is not None
    assert cooled.outcome == cooling.REACHED
    assert cooled.baseline_c == {ZONE: 46.3}
    assert cooled.before_c[ZONE] > 49.3 >= cooled.after_c[ZONE]
    assert cooled.waited_s > 1.0
    assert "cooling down: cpu-thermal" in told[0]
    assert "until 49 C or for 120 s" in told[0]
    assert told[1].startswith("cooling: cpu-thermal ")
    assert f"-> {cooled.after_c[ZONE]:.0f} C" in told[1]


def test_the_wait_is_bounded(bench: Bench) -> None:
    bench.heats(80.0)
    cooled = Cooler(bench.agent, CoolDown(at_most_s=1.5), {ZONE: 46.3}, print).wait("next")
    assert cooled is not None
    assert cooled.outcome == cooling.TIMED_OUT
    assert cooled.after_c == {ZONE: 80.0}
    assert cooled.waited_s >= 1.5


def test_a_session_that_ended_cool_costs_no_question(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    cooler = Cooler(bench.agent, CoolDown(), {ZONE: 46.3}, print)
    cooler.saw({ZONE: 48.0})
    monkeypatch.setattr(bench.agent.transport, "exec", None)
    monkeypatch.setattr(bench.agent.transport, "stream", None)
    cooled = cooler.wait("next")
    assert cooled is not None
    assert (cooled.waited_s, cooled.outcome) == (0.0, cooling.REACHED)


def test_a_session_that_runs_already_is_collected_and_not_waited_for(bench: Bench) -> None:
    bench.heats(80.0)
    bench.standin.host.disk.path(f"{bench.agent.root}/sessions/begun").mkdir(parents=True)
    assert Cooler(bench.agent, CoolDown(), {ZONE: 46.3}, print).wait("begun") is None


def test_a_device_without_a_sensor_is_told_once(bench: Bench) -> None:
    told: list[str] = []
    cooler = Cooler(bench.agent, CoolDown(), {}, told.append)
    assert [cooler.wait(str(number)) for number in range(4)] == [None] * 4
    assert told == ["pi5 has no temperature sensor: no cool-down between sessions"]


def test_without_a_policy_nothing_is_waited_for(bench: Bench) -> None:
    bench.heats(80.0)
    assert Cooler(bench.agent, CoolDown(at_most_s=0.0), {ZONE: 46.3}, print).wait("next") is None


def test_a_lost_link_ends_neither_the_wait_nor_leaves_anybody_waiting_there(bench: Bench) -> None:
    cooler = Cooler(bench.agent, CoolDown(at_most_s=120.0), {ZONE: 46.3}, print)

    def cut() -> None:
        _until_somebody_waits(bench)
        bench.standin.host.kill_daemon("sshd")
        time.sleep(1.0)
        bench.standin.host.start_daemon("sshd")

    thread = threading.Thread(target=cut)
    thread.start()
    with cooling_down(bench, 75.0, 46.0):
        cooled = cooler.wait("next")
    thread.join()
    assert cooled is not None
    assert cooled.outcome == cooling.REACHED
    assert cooled.before_c[ZONE] > 49.3
    give_up_s = time.monotonic() + 30
    while _waiting(bench):
        assert time.monotonic() < give_up_s, bench.standin.host.processes()
        time.sleep(0.1)


def test_a_device_that_stays_away_is_told_as_that(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.measure.lab.cool_down._MARGIN_S", 1.0)
    monkeypatch.setattr(ssh_connect, "LINK_TIMEOUT_S", 2.0)
    bench.standin.host.power_off()
    with pytest.raises(Unreachable):
        Cooler(bench.agent, CoolDown(at_most_s=1.0), {ZONE: 46.3}, print).wait("next")


def _waiting(bench: Bench) -> list[str]:
    return [line for line in bench.standin.host.processes().values() if " cool " in line]


def _until_somebody_waits(bench: Bench) -> None:
    give_up_s = time.monotonic() + 30
    while not _waiting(bench):
        assert time.monotonic() < give_up_s
        time.sleep(0.05)
