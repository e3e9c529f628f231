"""A session on a simulated device: the agent's stream, arrivals and sampler, and the controller's Session of it."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agents import arrival, stream, wire
from agents.contract import StreamContract, TensorSpec
from agents.device_facts import DeviceState
from agents.stages import LoopedAudio, make_stages
from agents.thermal import vcgencmd
from agents.timed import TimedRun, new_times
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.session import IDLE, Environment, PlannedSession, Session
from tests import sessions
from tests.metered import BOARD
from tests.simulator.backend import SimulatedBackend
from tests.simulator.device import FULL_CLOCK_HZ, SimulatedDevice
from tests.simulator.sampling import sampled

Costs = Sequence[int] | NDArray[np.int64]
# Bits 2 and 18 of a Pi's firmware: throttled now, throttled since boot.
_NOW, _LATCHED = 1 << 2, 1 << 18
_CANDIDATE = sessions.candidate()
_BLOB = wire.Blob("a" * 64, 1)
_AUDIO = np.arange(16_000, dtype=np.int16)


@dataclass(frozen=True)
class Asked:
    """What a session is asked to be; ``mode`` is the plan's, in which idle is a paced session without work."""

    candidate: Candidate = _CANDIDATE
    mode: str = "paced"
    block: int = 0
    policy: str = "catch-up"
    ring_chunks: int = 50
    arrival_offsets_ns: tuple[int, ...] = ()
    sampler_hz: float = 0.0
    seed: int = 0

    def spec(self, chunks: int) -> wire.RunSpec:
        return wire.RunSpec(
            session_id="simulated",
            mode="paced" if self.mode == IDLE else self.mode,
            runtime="simulated",
            provider=self.candidate.provider,
            model=_BLOB,
            contract=contract_of(self.candidate.chunk_samples),
            audio=_BLOB,
            chunk_samples=self.candidate.chunk_samples,
            chunk_count=chunks,
            ring_chunks=self.ring_chunks,
            policy=self.policy,
            arrival_offsets_ns=self.arrival_offsets_ns,
            sampler_hz=self.sampler_hz,
            seed=self.seed,
        )


def contract_of(chunk_samples: int) -> StreamContract:
    """That of the synthetic sessions with chunks of another size."""
    return replace(
        sessions.CONTRACT,
        chunk_samples=chunk_samples,
        allowed_chunk_samples=(chunk_samples,),
        input=TensorSpec("pcm", (1, chunk_samples)),
    )


def run_session(device: SimulatedDevice, costs_ns: Costs, asked: Asked | None = None) -> Session:
    """Chunk k costs ``costs_ns[k]`` at the device's full clock. It goes on where the device is now."""
    asked = asked or Asked()
    spec, before = asked.spec(len(costs_ns)), state_of(device)
    run, times = _streamed(device, spec, [int(cost) for cost in costs_ns])
    series, absent = sampled(device, before.monotonic_ns, device.time_ns, spec.sampler_hz, spec.seed)
    planned = PlannedSession(sessions.STUDY.study_id, "bench", asked.candidate, asked.mode, asked.block, 0, len(times))
    result = _result(spec, before, state_of(device), times)
    arrays = {"t_ns": times, "final_t_ns": run.final_t_ns, **series}
    duration_s = (device.time_ns - before.monotonic_ns) / 1e9
    result = replace(result, session_id=planned.session_id, sensors_absent=absent)
    return Session(planned, environment_of(device), "2026-01-01T00:00:00+00:00", duration_s, result, arrays)


def _streamed(device: SimulatedDevice, spec: wire.RunSpec, costs_ns: list[int]) -> tuple[TimedRun, NDArray[np.int64]]:
    """As ``agents.session`` streams: stages, audio and times, and the timed run over them."""
    stages = make_stages(spec, SimulatedBackend(spec, device, costs_ns), [0, 0, 0])
    times = new_times(spec.chunk_count)
    return stream.timed_run(stages, LoopedAudio(_AUDIO, spec.chunk_samples), times, spec, device), times


def _result(spec: wire.RunSpec, before: DeviceState, after: DeviceState, times: NDArray[np.int64]) -> wire.RunResult:
    return wire.RunResult(
        session_id=spec.session_id,
        outcome="ok",
        chunk_count=spec.chunk_count,
        runtime_version=SimulatedBackend.runtime_version,
        providers_registered=(spec.provider,),
        before=before,
        after=after,
        overruns=arrival.overruns(times, spec.ring_chunks) if spec.mode == "paced" else 0,
        policy=spec.policy,
        dropped=int(arrival.dropped(times).sum()),
        traced=bool(spec.arrival_offsets_ns),
        clock_step_s=_wall_offset_s(after) - _wall_offset_s(before),
    )


def state_of(device: SimulatedDevice) -> DeviceState:
    """As read before and after a session; the flags as a Pi's firmware words them."""
    heat = device.heat
    if heat is None:
        return DeviceState(wall_clock_utc_s=device.wall_s(), monotonic_ns=device.time_ns)
    bits = vcgencmd.parse_get_throttled(f"throttled={_NOW * heat.throttled + _LATCHED * heat.latched:#x}\n")
    return DeviceState(
        frequency_hz=(round(device.clock_share * FULL_CLOCK_HZ),),
        temperature_c={"soc": heat.temperature_c},
        throttled=bits != 0,
        throttled_source=vcgencmd.explain(bits),
        wall_clock_utc_s=device.wall_s(),
        monotonic_ns=device.time_ns,
    )


def environment_of(device: SimulatedDevice) -> Environment:
    sensors = (BOARD,) if device.draw else ()
    return replace(sessions.ENVIRONMENT, probe=replace(sessions.PROBE, sensors=sensors))


def _wall_offset_s(state: DeviceState) -> float:
    """Time of day minus monotonic clock, as ``agents.session`` looks at it."""
    return state.wall_clock_utc_s - state.monotonic_ns / 1e9


@contextmanager
def many_sessions() -> Iterator[None]:
    """Each session collects garbage before it streams; here it need not look at what was there before."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
