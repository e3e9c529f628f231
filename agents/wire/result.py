"""What a session answers: events while it runs, its result at the end."""

from dataclasses import dataclass, field
from typing import Any, Dict, Optional, Tuple

from agents.device_facts import Cooled, DeviceState
from agents.wire.blob import Blob, require
from agents.wire.memory import MemorySnapshot, PhaseMemory
from agents.wire.profile import DeviceParity, OperatorTime, ProviderShare

# Columns of the array ``t_ns``, shape (chunks, 5), int64, in every session's ``arrays.npz``. In mode multi the rows are
# those of one stream after the other, and ``stream``, shape (streams * chunks,), has the stream of each.
ARRIVAL, ISSUE, FEATURES_DONE, MODEL_DONE, DONE = range(5)
# In the columns after the arrival: the chunk was dropped, and so it was never issued or done.
NEVER_NS = 1 << 62
TIME_COLUMNS = ("arrival", "issue", "features_done", "model_done", "done")

# Exit codes of ``agent run``: finished, the session failed (its reason is in the last event), the request was wrong,
# another controller has the device.
EXIT_OK, EXIT_SESSION_FAILED, EXIT_BAD_REQUEST, EXIT_FENCED = 0, 3, 2, 4

# Kinds of a ``failed`` event; the controller maps each to a message with a next step.
FAILURES = (
    "runtime-missing",
    "provider-missing",
    "model-load",
    "contract-mismatch",
    "audio",
    "non-finite-output",
    "inference",
    "disk-full",
    "clock",
    "killed",
    "fenced",
    "internal",
)


@dataclass(frozen=True)
class Event:
    """One line of the journal. ``kind``: accepted, loaded, progress, and as the last one finished or failed.

    ``data`` of the last one is ``{"result": RunResult}``; of progress ``{"done", "total", "backlog"}`` in chunks,
    the last one null where nothing arrives; of accepted it has the session's ``pid``.
    """

    kind: str
    t_ns: int
    data: Dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ObserverCost:
    """What measuring cost during the stream.

    ``process_cpu_s`` is the session's process, ``stage_cpu_s`` its part inside the timed stages (features, model with
    all its threads, decode). ``sampler_cpu_s`` and ``watchdog_cpu_s`` (which writes the journal's progress) are
    processes of their own. ``harness_cpu_share``: all of it but the stages, over the stream's ``wall_s``, as a share of
    one core. ``per_chunk_ns``: median gap between one chunk's end and the next one's issue in a flat-out run.

    RSS: ``agent_rss_bytes`` of the session's process before it imports a runtime, and of the other two at the end;
    pages that they share count in each.
    """

    process_cpu_s: float
    stage_cpu_s: float
    sampler_cpu_s: Optional[float]
    harness_cpu_share: Optional[float]
    per_chunk_ns: Optional[int]
    watchdog_cpu_s: Optional[float] = None
    wall_s: Optional[float] = None
    agent_rss_bytes: Optional[int] = None
    sampler_rss_bytes: Optional[int] = None
    watchdog_rss_bytes: Optional[int] = None


@dataclass(frozen=True)
class StageLoaded:
    """A stage of a cascade as it was loaded. ``memory``: of its phases import, load and first-run.

    ``libraries``: the shared libraries that its load brought into the process, path -> bytes on the disk; those that a
    stage before it had brought are counted there. None where the device does not tell.
    """

    name: str
    runtime: str
    import_ns: int
    load_ns: int
    first_inference_ns: int
    runtime_version: Optional[str] = None
    runtime_build: Optional[str] = None
    providers_registered: Tuple[str, ...] = ()
    memory: Tuple[PhaseMemory, ...] = ()
    libraries: Optional[Dict[str, int]] = None


@dataclass(frozen=True)
class Scheduling:
    """How the kernel scheduled the session, seen over all of its threads after the stream (agents/scheduling.py).

    ``cpus_used``: those that any thread may run on; empty where nothing tells. ``priority_used``: ``nice 0``,
    ``fifo 1``, several with a + between them. ``refused``: "cpus" or "priority" -> why it is not what was asked for.
    """

    cpus_requested: Tuple[int, ...]
    cpus_used: Tuple[int, ...]
    priority_requested: str
    priority_used: str
    threads: int
    refused: Dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RunResult:
    """How a session ended; the raw times are in ``arrays`` (npz without pickle).

    ``decoded`` has one list of events per span (mode evaluate) or one for each whole stream. ``overruns`` counts chunks
    that found more than R chunks waiting, ``dropped`` those that were lost to it under ``policy``; ``traced``: arrivals
    were those of a trace. ``streams`` were fed at once, under ``sharing`` (None but in mode multi), ``chunk_count``
    chunks in each. ``clock_step_s``: how far the wall clock moved against the monotonic one
    during the session; the latencies do not depend on it. ``cooled``: the wait before it, which the controller adds.
    ``audio_sha256``: of the file that was streamed.
    ``pss``: of a timed session, None where the device does not tell it.
    ``operators`` and ``fallback`` are those of the ``Profile`` of mode placement, ``placement`` their sum, and
    ``parity`` compares what was computed there; None where nothing is there to compare with. ``emulated``: what
    computed in place of the provider's hardware; its times say nothing about any device. ``stages``: of mode cascade,
    all of them; ``decoded`` is then one for each utterance that ended, with the ``reply`` as ids of tokens.
    """

    session_id: str
    outcome: str
    chunk_count: int
    import_ns: Optional[int] = None
    load_ns: Optional[int] = None
    first_inference_ns: Optional[int] = None
    runtime_version: Optional[str] = None
    runtime_build: Optional[str] = None
    providers_registered: Tuple[str, ...] = ()
    placement: Tuple[ProviderShare, ...] = ()
    operators: Tuple[OperatorTime, ...] = ()
    fallback: Optional[str] = None
    parity: Optional[DeviceParity] = None
    emulated: Optional[str] = None
    arrays: Optional[Blob] = None
    decoded: Tuple[Any, ...] = ()
    memory: Tuple[PhaseMemory, ...] = ()
    before: Optional[DeviceState] = None
    after: Optional[DeviceState] = None
    observer: Optional[ObserverCost] = None
    overruns: int = 0
    policy: str = "catch-up"
    dropped: int = 0
    traced: bool = False
    streams: int = 1
    sharing: Optional[str] = None
    clock_step_s: float = 0.0
    failure: Optional[str] = None
    reason: Optional[str] = None
    sensors_absent: Dict[str, str] = field(default_factory=dict)
    cooled: Optional[Cooled] = None
    pss: Optional[MemorySnapshot] = None
    scheduling: Optional[Scheduling] = None
    audio_sha256: Optional[str] = None
    stages: Tuple[StageLoaded, ...] = ()

    def __post_init__(self) -> None:
        require(self.outcome in ("ok", "failed"), f"outcome must be ok or failed, got {self.outcome!r}")
        require(self.outcome == "ok" or self.reason is not None, "a failed session needs its reason")
        require(self.failure is None or self.failure in FAILURES, f"failure must be one of {FAILURES}: {self.failure}")


def failed(session_id: str, failure: str, reason: str) -> RunResult:
    """A result for a session that ended with ``reason`` before it measured anything."""
    return RunResult(session_id=session_id, outcome="failed", chunk_count=0, failure=failure, reason=reason)
