"""A planned session and a finished one."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agents import wire
from agents.device_facts import DeviceProbe
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.cascade import CASCADE, Cascade
from orchestrator.domain.isolation import IsolationStep
from orchestrator.domain.timeline import Timeline

if TYPE_CHECKING:
    from orchestrator.domain.kept import Kept

# Sessions of blocks from here on verify a decision; they are no evidence for one.
VERIFY_BLOCK = 1000
# Mode of a session that has the agent and its pacer running and no model: the power that net energy is above. It is no
# mode of the agent's (agents/wire), for which it is a paced session, and it is no evidence for any candidate.
IDLE = "idle"
# Mode of a session with several streams at once.
MULTI = "multi"
# How the agent's probe begins the name of what emulates a processor (agents/probe/machine.py).
EMULATORS = ("qemu-user",)


@dataclass(frozen=True)
class PlannedSession:
    """One line of a study's plan. ``block`` is the interleaving round, ``position`` its place in that round.

    ``attempt`` > 0 is a re-run. ``streams``: of mode multi, each with ``chunk_count`` chunks. ``deadline_ns``: a chunk
    with a longer latency is a miss; None: its duration. ``cascade``: of mode cascade; its first stage is ``candidate``.
    ``session_id`` follows from the rest, so a controller that starts anew finds what it had started.
    """

    study_id: str
    device: str
    candidate: Candidate
    mode: str
    block: int
    position: int
    chunk_count: int
    attempt: int = 0
    streams: int = 1
    deadline_ns: int | None = None
    cascade: Cascade | None = None

    def __post_init__(self) -> None:
        if self.deadline_ns is not None and self.deadline_ns <= 0:
            raise ValueError(f"deadline_ns must be > 0, got {self.deadline_ns}")
        if (self.cascade is not None) != (self.mode == CASCADE):
            raise ValueError(f"a cascade runs in mode {CASCADE}, and nothing else does, got mode {self.mode!r}")

    @property
    def session_id(self) -> str:
        """Study, mode, block and candidate, readable in a directory listing; at most 80 characters."""
        device = hashlib.sha256(self.device.encode()).hexdigest()[:6]
        mode = f"{self.mode}{self.streams}" if self.mode == MULTI else self.mode
        key = self.cascade.key if self.cascade else self.candidate.key
        return f"{self.study_id}-{mode}-{self.block}-{self.attempt}-{device}-{key}"


@dataclass(frozen=True)
class Environment:
    """Where a session ran: all that must be alike before two results are compared.

    ``python_environment``: name of the Python environment, with its id where Earshot made it; None: the device's own.
    ``isolation``: what was done there to keep everything else away, and what was asked for and could not be.
    """

    device: str
    device_model: str
    agent_sha256: str
    transport: str
    probe: DeviceProbe
    python_environment: str | None = None
    isolation: tuple[IsolationStep, ...] = ()

    @property
    def emulated(self) -> str | None:
        """What runs the instructions in place of the hardware; its times say nothing about any device.

        None on hardware, and in a virtual machine or container, whose instructions the hardware runs.
        """
        signs = (self.probe.virtual or "").split(", ")
        return next((sign for sign in signs if sign.startswith(EMULATORS)), None)


@dataclass(frozen=True)
class Session:
    """A session that ended, with its raw arrays (name -> array; ``t_ns`` and the sampler's series).

    ``kept``: in their place, of one whose arrays made way (``earshot ledger compact``).
    """

    planned: PlannedSession
    environment: Environment
    started_utc: str
    duration_s: float
    result: wire.RunResult
    arrays: dict[str, NDArray[Any]]
    kept: "Kept | None" = None

    @property
    def session_id(self) -> str:
        return self.planned.session_id

    @property
    def ok(self) -> bool:
        return self.result.outcome == "ok"

    @property
    def emulated(self) -> str | None:
        """What computed in place of the hardware: of the whole device, or of the provider."""
        return self.environment.emulated or self.result.emulated

    def times_of(self, sensor: str, length: int) -> NDArray[np.int64] | None:
        """Times of a sensor's series, shape (length,), ns: those of its own meter (``ina3221.VDD_IN`` has those of
        ``ina3221``), else those that all plain sensors share. None where neither has this length.
        """
        for name in (f"{sensor}.t_ns", f"sample_t_ns__{sensor.split('.')[0]}", "sample_t_ns"):
            times = self.arrays.get(name)
            if times is not None and len(times) == length:
                return np.asarray(times, dtype=np.int64)
        return None

    def timeline(self, sample_rate_hz: int) -> Timeline:
        """The session's times. Raises ValueError where it has none (failed, or not a timed mode), or has those of
        several streams.
        """
        if self.planned.mode == MULTI:
            raise ValueError(
                f"session {self.session_id} has {self.planned.streams} streams, each with times of its own"
            )
        return self._timeline(self._times(), sample_rate_hz)

    def timelines(self, sample_rate_hz: int) -> tuple[Timeline, ...]:
        """The times of each stream; of one in any mode but multi. Raises ValueError where there are none.

        Where one loaded model serves several streams, a stream's service times and lateness hold its turns' waiting.
        """
        if self.planned.mode != MULTI:
            return (self.timeline(sample_rate_hz),)
        times = self._times()
        stream = self.arrays["stream"]
        return tuple(self._timeline(times[stream == number], sample_rate_hz) for number in range(self.planned.streams))

    def _times(self) -> NDArray[np.int64]:
        if self.kept is not None:
            raise ValueError(f"session {self.session_id}: {self.kept.said}")
        if "t_ns" not in self.arrays:
            raise ValueError(f"session {self.session_id} has no times: {self.result.reason or self.planned.mode}")
        return np.asarray(self.arrays["t_ns"], dtype=np.int64)

    def _timeline(self, times: NDArray[np.int64], sample_rate_hz: int) -> Timeline:
        chunk_ns = round(self.planned.candidate.chunk_samples * 1e9 / sample_rate_hz)
        paced = self.planned.mode in ("paced", IDLE, MULTI, CASCADE)
        return Timeline(times, chunk_ns, paced, deadline_ns=self.planned.deadline_ns)
