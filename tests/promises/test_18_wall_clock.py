"""Promise 18: somebody sets the time of day while a session runs. Nothing of it is in any figure."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from agents import wire
from agents.claim import SessionFolder
from agents.links import Links
from agents.session import Session as AgentSession
from agents.store import Store
from orchestrator.domain.session_verdict import VALID, judge
from orchestrator.workflows.figures import session_figures
from tests.agents.device import CHUNK, RATE_HZ, Device
from tests.sessions import candidate, session

CHUNKS = 200


class TickingClock:
    """Monotonic: each look at it is 20 us later than the one before, and a wait ends when it should."""

    def __init__(self) -> None:
        self.time_ns = 5_000_000_000
        self.now_ns: Callable[[], int] = self._now
        self.cpu_ns: Callable[[], int] = lambda: 0

    def _now(self) -> int:
        self.time_ns += 20_000
        return self.time_ns

    def wait_until(self, deadline_ns: int, spin_ns: int) -> None:
        self.time_ns = max(self.time_ns, deadline_ns)


def streamed(root: Path, step_s: float) -> tuple[wire.RunResult, NDArray[Any]]:
    """A whole paced session of the agent, in whose middle the time of day jumps by ``step_s``."""
    root.mkdir()
    device, clock = Device(root), TickingClock()
    middle_ns = clock.time_ns + CHUNKS * 10_000_000 // 2

    def wall_s() -> float:
        return 1.7e9 + clock.time_ns / 1e9 + (step_s if clock.time_ns > middle_ns else 0.0)

    spec = device.spec(mode="paced", runtime="echo", provider="echo", chunk_count=CHUNKS)
    folder = root / "sessions" / "s1"
    folder.mkdir(parents=True)
    links = Links(memoryview(bytearray(24)).cast("Q"))
    ran = AgentSession(Store(str(root)), SessionFolder(str(folder)), spec, links, clock, wall_s)
    ran.run()
    return ran.result(None), device.arrays()["t_ns"]


@pytest.mark.parametrize("step_s", [3600.0, -3600.0, 0.75, -86_400.0 * 400])
def test_a_step_of_the_time_of_day_changes_no_figure(tmp_path: Path, step_s: float) -> None:
    still, undisturbed = streamed(tmp_path / "still", 0.0)
    stepped, times = streamed(tmp_path / "stepped", step_s)
    assert np.array_equal(times, undisturbed)
    assert abs(still.clock_step_s) < 1e-3
    # It is told all the same.
    assert stepped.clock_step_s == pytest.approx(step_s, abs=1e-3)
    assert figures_of(stepped, times) == figures_of(still, undisturbed)


def figures_of(result: wire.RunResult, times: NDArray[Any]) -> list[tuple[Any, ...]]:
    """All that is computed from the times, and the verdict; a step of the clock has a row of its own."""
    of = session(candidate(), t_ns=as_20_ms(times))
    of = replace(of, result=replace(of.result, clock_step_s=result.clock_step_s, overruns=result.overruns))
    assert judge(of, RATE_HZ).kind == VALID
    return [(f.name, f.value, f.note) for f in session_figures(of, RATE_HZ) if f.name != "clock step"]


def as_20_ms(times: NDArray[Any]) -> NDArray[Any]:
    """The candidate of the synthetic sessions has chunks of 20 ms: the same schedule, twice as slow."""
    assert CHUNK * 1e9 / RATE_HZ == 10_000_000
    return (times - times[0, 0]) * 2 + times[0, 0]
