"""A meter beside real sessions: its series on the device's clock, and sessions that end well without it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents import wire
from orchestrator.domain.session import Session
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.meters.alignment import ClockOffset
from orchestrator.measure.meters.base import Channel
from orchestrator.measure.meters.watch import MeterSeries
from orchestrator.workflows import metering
from tests.orchestrator.workflows.command import environment

_METER = "import time\nwhile True: print(4.25, flush=True); time.sleep(0.02)"


def run(
    results: Path, meter: dict[str, Any], seconds: float = 2.0, mode: str = "paced"
) -> tuple[Session, dict[str, Any]]:
    """``earshot run`` on this machine with a meter in its lab file."""
    lab = results.parent / "lab.toml"
    table = ", ".join(f"{key} = {json.dumps(value)}" for key, value in meter.items())
    lab.write_text(f'[devices.bench]\ntransport = "local"\nmeter = {{ {table} }}\n')
    asked = ["run", "mini", "--mode", mode, "--seconds", str(seconds), "--device", "bench", "--lab", str(lab), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator.cli", *asked, "--results", str(results)],
        env=environment(results.parent),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        session = ledger.session(said["session"])
    assert session is not None
    return session, said


def test_the_meters_series_lie_around_the_chunks(results: Path) -> None:
    session, _ = run(results, {"kind": "command", "argv": [sys.executable, "-I", "-c", _METER], "calibrated": True})
    t_ns, power_w = session.arrays["meter.command.t_ns"], session.arrays["meter.command.power_w"]
    assert t_ns.dtype == np.int64
    assert (np.diff(t_ns) > 0).all()
    assert set(power_w) == {4.25}
    chunks = session.arrays["t_ns"]
    assert t_ns[0] < chunks.min()
    assert t_ns[-1] > chunks.max()
    # This machine is the device: one clock.
    assert list(session.arrays[metering.OFFSET_ARRAY]) == [0, 0]
    (probe,) = [s for s in session.environment.probe.sensors if s.name == "meter.command"]
    assert (probe.quantity, probe.scope, probe.calibrated) == ("power_w", "board", True)
    assert not [name for name in session.result.sensors_absent if "meter" in name]


def test_a_meter_that_vanishes_leaves_a_gap_and_a_reason(results: Path) -> None:
    code = "import time\nfor _ in range(100): print(4.25, flush=True); time.sleep(0.02)\nraise SystemExit(3)"
    session, said = run(results, {"kind": "command", "argv": [sys.executable, "-I", "-c", code]}, seconds=4.0)
    assert session.ok
    power_w = session.arrays["meter.command.power_w"]
    assert np.isnan(power_w).any()
    assert np.isfinite(power_w).any()
    reason = session.result.sensors_absent["power.meter.command"]
    assert "ended with exit code 3" in reason
    assert any(reason in str(figure.get("note")) for figure in said["figures"])


def test_a_meter_that_is_not_there_does_not_stop_the_session(results: Path) -> None:
    session, _ = run(results, {"kind": "shelly", "host": "127.0.0.1:1"}, seconds=1.0)
    assert session.ok
    assert not [name for name in session.arrays if name.startswith("meter.")]
    assert "does not answer" in session.result.sensors_absent["power.meter.socket"]


def test_options_that_cannot_be_stop_before_anything_is_measured(results: Path) -> None:
    lab = results.parent / "lab.toml"
    lab.write_text('[devices.bench]\ntransport = "local"\nmeter = { kind = "tasmota", hots = "x" }\n')
    asked = ["run", "mini", "--device", "bench", "--lab", str(lab), "--results", str(results)]
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator.cli", *asked],
        env=environment(results.parent),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert "unknown keys ['hots']" in done.stderr
    assert "Traceback" not in done.stderr


RESULT = wire.RunResult(session_id="s", outcome="ok", chunk_count=2)
CHUNKS = {"t_ns": np.array([[1_000, 1_100], [2_000, 2_100]], dtype=np.int64)}


def series(t_ns: list[int], values: list[float], reason: str | None = None) -> MeterSeries:
    channel = Channel("socket", "power_w", "socket")
    return MeterSeries(channel, np.array(t_ns, dtype=np.int64), np.array(values), reason)


def test_times_are_moved_to_the_devices_clock_with_their_uncertainty() -> None:
    _, arrays = metering._added(RESULT, CHUNKS, (series([501_500], [3.0]),), ClockOffset(500_000, 40))
    assert list(arrays["meter.socket.t_ns"]) == [1_500]
    assert list(arrays[metering.OFFSET_ARRAY]) == [500_000, 40]


@pytest.mark.parametrize(("t_ns", "value"), [(900, 3.0), (2_200, 3.0), (1_500, np.nan)])
def test_a_session_that_nobody_watched_has_no_series(t_ns: int, value: float) -> None:
    result, arrays = metering._added(RESULT, CHUNKS, (series([t_ns], [value]),), ClockOffset(0, 0))
    assert set(arrays) == {"t_ns"}
    assert "between the first chunk and the last one" in result.sensors_absent["power.meter.socket"]
