"""A meter beside a session: it may be late, silent, gone and back again; a gap stays a gap."""

import sys
import threading
import time
from dataclasses import dataclass

import numpy as np
import pytest

from orchestrator.measure.meters.base import Channel, MeterOptions
from orchestrator.measure.meters.command import CommandOptions
from orchestrator.measure.meters.shelly import ShellyOptions
from orchestrator.measure.meters.watch import MeterSeries, MeterWatch
from tests.orchestrator.measure.meters.plugs import GEN2, plug


@dataclass(frozen=True, kw_only=True)
class FastShelly(ShellyOptions):
    """Asked more often than a real plug has news."""

    @property
    def interval_s(self) -> float:
        return 0.01


def wait_for(condition: object, what: str) -> None:
    """Generous: machines are noisy."""
    give_up_s = time.monotonic() + 30
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < give_up_s, what
        time.sleep(0.005)


def finite(series: MeterSeries) -> np.ndarray:
    return np.isfinite(series.values)


def test_series_of_each_channel_with_rising_times() -> None:
    with plug(GEN2) as stand_in:
        watched = MeterWatch(FastShelly(host=stand_in.host))
        watched.start()
        wait_for(lambda: len(stand_in.asked) > 10, "ten questions")
        power, energy = watched.stop()
    assert (power.channel.quantity, energy.channel.quantity) == ("power_w", "energy_j")
    assert power.t_ns.dtype == np.int64
    assert (np.diff(power.t_ns) > 0).all()
    assert set(power.values) == {8.25}
    assert set(energy.values) == {0.0}
    assert (power.reason, energy.reason) == (None, None)


def test_a_plug_that_vanishes_and_comes_back_leaves_a_gap() -> None:
    with plug(GEN2) as stand_in:
        host, port = stand_in.host, stand_in.port
        watched = MeterWatch(FastShelly(host=host), reopen_s=0.01)
        watched.start()
        wait_for(lambda: len(stand_in.asked) > 5, "first readings")
    wait_for(lambda: len(watched._record.failures) >= 3, "failures")
    with plug(GEN2, port) as again:
        wait_for(lambda: len(again.asked) > 5, "readings after the gap")
        power, _ = watched.stop()
    known = finite(power)
    assert known[0]
    assert known[-1]
    first_gap, last_gap = np.flatnonzero(~known)[[0, -1]]
    assert (~known[first_gap : last_gap + 1]).all()
    assert power.reason is not None
    assert "readings failed" in power.reason
    assert "does not answer" in power.reason


def test_a_meter_that_never_answers_does_not_hold_up_the_session() -> None:
    watched = MeterWatch(FastShelly(host="127.0.0.1:1"), reopen_s=0.01)
    watched.start()
    power, _ = watched.stop()
    assert not finite(power).any()
    assert power.reason is not None
    assert power.reason.startswith("gave no reading: 127.0.0.1:1 does not answer")


def test_a_streaming_meter_is_timed_when_its_line_comes() -> None:
    code = "import time\nfor k in range(1000): print(k / 10, flush=True); time.sleep(0.02)"
    watched = MeterWatch(CommandOptions(argv=(sys.executable, "-I", "-c", code)))
    before_ns = time.monotonic_ns()
    watched.start()
    wait_for(lambda: len(watched._record.t_ns) >= 10, "ten lines")
    (power,) = watched.stop()
    assert list(power.values) == pytest.approx([k / 10 for k in range(len(power.values))])
    assert power.t_ns[0] > before_ns
    assert power.t_ns[-1] - power.t_ns[0] >= 9 * 15_000_000
    assert not [t for t in threading.enumerate() if t.name == "meter"]


def test_a_channel_that_is_silent_alone() -> None:
    without = {**GEN2, "/rpc/Switch.GetStatus?id=0": {"apower": 8.25}}
    with plug(without) as stand_in:
        watched = MeterWatch(FastShelly(host=stand_in.host))
        watched.start()
        wait_for(lambda: len(stand_in.asked) > 3, "readings")
        power, energy = watched.stop()
    assert power.reason is None
    assert energy.reason == "gave no reading"


def test_the_latest_reading_while_it_runs() -> None:
    with plug(GEN2) as stand_in:
        watched = MeterWatch(FastShelly(host=stand_in.host), reopen_s=0.01)
        assert watched.latest().reason == "has given no reading yet"
        watched.start()
        latest = watched.latest()
        assert (latest.values, latest.reason) == ({"socket": 8.25, "socket-energy": 0.0}, None)
        assert 0 <= latest.age_s < 30
    wait_for(lambda: not watched.latest().values, "the plug's end")
    assert "does not answer" in str(watched.latest().reason)
    watched.stop()


@dataclass(frozen=True, kw_only=True)
class Crashing(MeterOptions):
    """A third party's meter with a fault of its own: it breaks its contract."""

    @property
    def interval_s(self) -> float:
        return 0.01

    @property
    def source(self) -> str:
        return "crashing"

    def channels(self) -> tuple[Channel, ...]:
        return (Channel("x", "power_w", "board"),)

    def open(self) -> "Crashing":
        return self

    def read(self) -> dict[str, float]:
        raise KeyError("unexpected")

    def close(self) -> None:
        """Nothing."""


def test_a_meter_that_breaks_its_contract_ends_only_itself() -> None:
    watched = MeterWatch(Crashing(), reopen_s=0.01)
    watched.start()
    (series,) = watched.stop()
    assert not finite(series).any()
    assert series.reason is not None
    assert "KeyError" in series.reason
