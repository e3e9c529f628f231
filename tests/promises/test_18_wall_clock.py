"""Promise 18: somebody sets the time of day while a session runs. Nothing of it is in any figure."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from agents import session as agent_session
from agents import wire
from agents.claim import SessionFolder
from agents.links import Links
from agents.session import Session as AgentSession
from agents.store import Store
from orchestrator.domain.session_verdict import VALID, judge
from orchestrator.workflows.figures import session_figures
from tests.agents.device import RATE_HZ, Device
from tests.promises.figures import p18
from tests.sessions import CHUNK_NS, CHUNK_SAMPLES, CONTRACT, candidate, session
from tests.simulator.backend import SimulatedBackend
from tests.simulator.device import SimulatedDevice
from tests.simulator.service import MS, Service

CHUNKS = 200
SERVICE = Service(6.0, noise=0.1, stall_ms=90.0, stall_every=50)


def streamed(root: Path, step_s: float, monkeypatch: pytest.MonkeyPatch) -> tuple[wire.RunResult, NDArray[Any]]:
    """A whole paced session of the agent, its files included, on a simulated device and runtime: in its middle the time
    of day jumps by ``step_s``.
    """
    root.mkdir()
    files, device = Device(root), SimulatedDevice()
    device.clock_step_s, device.step_at_ns = step_s, device.start_ns + CHUNKS * CHUNK_NS // 2
    costs = SERVICE.costs_ns(np.random.default_rng(18), CHUNKS).tolist()
    # Its first run is cold and its time passes too.
    monkeypatch.setattr(
        agent_session, "_import_backend", lambda name: lambda spec, *paths: SimulatedBackend(spec, device, costs)
    )
    spec = files.spec(mode="paced", contract=CONTRACT, chunk_samples=CHUNK_SAMPLES, chunk_count=CHUNKS)
    folder = root / "sessions" / "s1"
    folder.mkdir(parents=True)
    links = Links(memoryview(bytearray(24)).cast("Q"))
    ran = AgentSession(Store(str(root)), SessionFolder(str(folder)), spec, links, device, device.wall_s)
    ran.run()
    return ran.result(None), files.arrays()["t_ns"]


@pytest.mark.parametrize("step_s", [3600.0, -3600.0, 0.75, -86_400.0 * 400])
def test_a_step_of_the_time_of_day_changes_no_figure(
    tmp_path: Path, step_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    still, undisturbed = streamed(tmp_path / "still", 0.0, monkeypatch)
    stepped, times = streamed(tmp_path / "stepped", step_s, monkeypatch)
    assert np.array_equal(times, undisturbed)
    assert still.first_inference_ns == stepped.first_inference_ns > 4 * MS  # type: ignore[operator]
    assert abs(still.clock_step_s) < 1e-3
    # It is told all the same.
    assert stepped.clock_step_s == pytest.approx(step_s, abs=1e-3)
    assert figures_of(stepped, times) == figures_of(still, undisturbed)


def figures_of(result: wire.RunResult, times: NDArray[Any]) -> list[tuple[Any, ...]]:
    """All that is computed from the times, and the verdict; a step of the clock has a row of its own."""
    of = session(candidate(), t_ns=times)
    of = replace(of, result=replace(of.result, clock_step_s=result.clock_step_s, overruns=result.overruns))
    assert judge(of, RATE_HZ).kind == VALID
    return [(f.name, f.value, f.note) for f in session_figures(of, RATE_HZ) if f.name != "clock step"]


def test_a_loop_that_asks_for_the_time_of_day_has_an_hour_in_a_latency() -> None:
    (row,) = p18.rows()
    assert row.earshot == 0.0
    assert row.naive == pytest.approx(3.6e6, rel=1e-6)
