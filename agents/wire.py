"""What crosses between the controller and a device: RunSpec in, events out, RunResult at the end.

Everything is JSON; events are one object a line on stdout and, the same bytes, in the session's journal on the
device's disk, so that a lost link loses nothing. Times are ns of the device's monotonic clock.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Dict, Optional, Tuple

from agents.contract import StreamContract
from agents.device_facts import PROTOCOL, Cooled, DeviceState

POLICIES = ("catch-up", "block", "drop-oldest", "drop-newest")
CASCADE = "cascade"
MODES = ("paced", "flat-out", "multi", "evaluate", "placement", CASCADE)
# How the streams of mode multi share the device: a process each, or one loaded model that serves them in turn.
PROCESSES, ONE_SESSION = "processes", "one-session"
SHARINGS = (PROCESSES, ONE_SESSION)
# When a stage of mode cascade after the first runs: on the audio of an utterance as it comes, or once it has ended.
SPEECH, FINAL = "speech", "final"
WHENS = (SPEECH, FINAL)
# Whose turn it is where several runs of a cascade wait: those nearest to the microphone, or those that waited longest.
AUDIO_FIRST, FIRST_COME = "audio-first", "first-come"
ORDERS = (AUDIO_FIRST, FIRST_COME)
# Priorities of a session: as any other process, above the others, before all that is not realtime (sched(7)).
PLAIN, NICE, FIFO = "", "nice", "fifo"
PRIORITIES = (PLAIN, NICE, FIFO)

# Files of a session beside its graph and its audio: the second graph of a transducer; words with their counts, CSV, and
# a user's own.
STEP, LEXICON, USER_LEXICON = "step", "lexicon", "user-lexicon"
PARTS = (STEP, LEXICON, USER_LEXICON)

# Columns of the array ``t_ns``, shape (chunks, 5), int64, in every session's ``arrays.npz``. In mode multi the rows are
# those of one stream after the other, and ``stream``, shape (streams * chunks,), has the stream of each.
ARRIVAL, ISSUE, FEATURES_DONE, MODEL_DONE, DONE = range(5)
# In the columns after the arrival: the chunk was dropped, and so it was never issued or done.
NEVER_NS = 1 << 62
TIME_COLUMNS = ("arrival", "issue", "features_done", "model_done", "done")

# Exit codes of ``agent run``: finished, the session failed (its reason is in the last event), the request was wrong,
# another controller has the device.
EXIT_OK, EXIT_SESSION_FAILED, EXIT_BAD_REQUEST, EXIT_FENCED = 0, 3, 2, 4

# How the peak of a phase is known: see ``PhaseMemory``.
HWM_RESET, HWM_ROSE, SAMPLED = "hwm-reset", "hwm-rose", "sampled"

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

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def is_session_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def _require(ok: bool, message: str) -> None:
    if not ok:
        raise ValueError(message)


@dataclass(frozen=True)
class Blob:
    """A file in the device's store, ``blobs/<sha256><suffix>`` below the agent's root."""

    sha256: str
    size_bytes: int
    suffix: str = ""

    def __post_init__(self) -> None:
        _require(bool(_SHA256.fullmatch(self.sha256)), f"sha256 must be 64 hex digits, got {self.sha256!r}")
        _require(self.size_bytes >= 0, f"size_bytes must be >= 0, got {self.size_bytes}")
        _require(
            re.fullmatch(r"(\.[a-z0-9]+)*", self.suffix) is not None, f"suffix must be like .onnx: {self.suffix!r}"
        )

    @property
    def file_name(self) -> str:
        return self.sha256 + self.suffix


@dataclass(frozen=True)
class Span:
    """A piece of the audio, in samples."""

    start: int
    count: int

    def __post_init__(self) -> None:
        _require(self.start >= 0 and self.count > 0, f"span must lie in the audio, got {self.start}+{self.count}")


@dataclass(frozen=True)
class Stage:
    """A model of mode cascade after the first one. One with the front end ``tokens`` gets the text of the stage before
    it, any other one audio.
    """

    name: str
    when: str
    runtime: str
    provider: str
    model: Blob
    contract: StreamContract
    chunk_samples: int
    threads: int = 1
    session_options: Dict[str, str] = field(default_factory=dict)
    parts: Dict[str, Blob] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require(self.when in WHENS, f"when of stage {self.name} must be one of {WHENS}, got {self.when!r}")
        if self.takes_text:
            _require(self.when == FINAL, f"stage {self.name} takes text, which is there once an utterance has ended")
        whole = self.contract.search is None or STEP in self.parts
        _require(whole, f"stage {self.name} needs the part {STEP!r}: the model's second graph")

    @property
    def takes_text(self) -> bool:
        return self.contract.frontend.kind == "tokens"


@dataclass(frozen=True)
class Cascade:
    """Mode cascade: the spec's own model is the first stage, which hears all of the audio and says where speech is; the
    ``stages`` follow it: one that makes text of an utterance, and at most one that answers it with ``reply_tokens``.

    An utterance opens at the first chunk whose probability of speech reaches ``threshold``, with ``pre_roll_ns`` of the
    audio before it; it closes after ``hangover_ns`` below ``release``. ``first``: what the first stage is called.
    """

    stages: Tuple[Stage, ...]
    first: str = "gate"
    threshold: float = 0.5
    release: float = 0.35
    hangover_ns: int = 300_000_000
    pre_roll_ns: int = 250_000_000
    reply_tokens: int = 16
    order: str = AUDIO_FIRST

    def __post_init__(self) -> None:
        texts = [stage.takes_text for stage in self.stages]
        _require(texts in ([False], [False, True]), "after the first stage one makes text, then one may answer it")
        thresholds = (self.release, self.threshold)
        _require(0 < self.release <= self.threshold < 1, f"0 < release <= threshold < 1 must hold, got {thresholds}")
        _require(self.hangover_ns > 0, f"hangover_ns must be > 0, got {self.hangover_ns}")
        _require(self.pre_roll_ns >= 0, f"pre_roll_ns must be >= 0, got {self.pre_roll_ns}")
        _require(self.reply_tokens > 0, f"reply_tokens must be > 0, got {self.reply_tokens}")
        _require(self.order in ORDERS, f"order must be one of {ORDERS}, got {self.order!r}")


@dataclass(frozen=True)
class RunSpec:
    """One session: one candidate, one mode, one process.

    ``audio`` is a mono 16-bit WAV at the contract's rate; it is looped until ``chunk_count`` chunks were fed. ``spans``
    are the utterances of mode ``evaluate``: the state starts anew with each, a last partial chunk is padded with zeros.
    ``ring_chunks`` is R: a backlog beyond it counts as an overrun, and ``policy`` says what becomes of it
    (agents/arrival.py). ``arrival_offsets_ns``: how much later than (k + 1) C chunk k arrives, from a recorded trace of
    a source's callbacks, begun anew where it ends; empty: exactly then. ``deadline_ns`` is the chunk's duration where
    None. ``sampler_hz`` 0 switches the sampler off, ``progress_events`` False keeps the journal still while the stream
    runs. ``timeout_s`` bounds the whole session on the device. ``fence`` is
    the token of the controller's lease (agents/fence.py): a session is not started under an older one than the
    device's. It is no part of what the session is, so a controller with a new lease goes on with the session that it
    started under the last one. ``origin`` is what the controller wants to hear again of the session, should another one
    collect it: kept with it, never read. ``streams``: of mode multi, each with ``chunk_count`` chunks, a state, a ring
    and a schedule of its own, begun at the phases that ``seed`` gives (agents/phases.py); ``sharing``: one of
    ``SHARINGS``. ``affinity``: the CPUs that it may run on; empty: all that it is given.
    ``parts``: the session's further files by ``PARTS``. ``cascade``: of mode cascade, whose first stage is the rest.
    ``priority``: one of ``PRIORITIES``; fifo is for mode paced, because the kernel stops a realtime thread that never
    sleeps for 50 ms in each second (sched_rt_runtime_us).
    """

    session_id: str
    mode: str
    runtime: str
    provider: str
    model: Blob
    contract: StreamContract
    audio: Blob
    chunk_samples: int
    chunk_count: int = 0
    spans: Tuple[Span, ...] = ()
    threads: int = 1
    session_options: Dict[str, str] = field(default_factory=dict)
    affinity: Tuple[int, ...] = ()
    priority: str = PLAIN
    streams: int = 1
    sharing: str = PROCESSES
    parts: Dict[str, Blob] = field(default_factory=dict)
    cascade: Optional[Cascade] = None
    deadline_ns: Optional[int] = None
    ring_chunks: int = 50
    policy: str = "catch-up"
    arrival_offsets_ns: Tuple[int, ...] = ()
    sampler_hz: float = 10.0
    progress_events: bool = True
    timeout_s: float = 600.0
    seed: int = 0
    fence: int = 0
    origin: Optional[Dict[str, Any]] = None
    protocol: int = PROTOCOL

    def __post_init__(self) -> None:
        _require(self.protocol == PROTOCOL, f"protocol must be {PROTOCOL}, got {self.protocol}: push this agent again")
        _require(bool(_ID.fullmatch(self.session_id)), f"session_id must match {_ID.pattern}, got {self.session_id!r}")
        _require(self.mode in MODES, f"mode must be one of {MODES}, got {self.mode!r}")
        _require(
            self.chunk_samples in self.contract.allowed_chunk_samples,
            f"chunk_samples must be one of {self.contract.allowed_chunk_samples}, got {self.chunk_samples}",
        )
        if self.mode == "evaluate":
            _require(bool(self.spans), "mode evaluate needs spans")
        else:
            _require(self.chunk_count > 0, f"chunk_count must be > 0, got {self.chunk_count}")
        _require(self.threads > 0, f"threads must be > 0, got {self.threads}")
        self._require_scheduling()
        _require(set(self.parts) <= set(PARTS), f"parts must be among {PARTS}, got {sorted(self.parts)}")
        whole = self.contract.search is None or STEP in self.parts
        _require(whole, f"the decoder {self.contract.decoder.kind} needs the part {STEP!r}: the model's second graph")
        _require(self.deadline_ns is None or self.deadline_ns > 0, f"deadline_ns must be > 0, got {self.deadline_ns}")
        _require(self.ring_chunks > 0, f"ring_chunks must be > 0, got {self.ring_chunks}")
        self._require_arrivals()
        self._require_streams()
        self._require_cascade()
        _require(0 <= self.sampler_hz <= 100, f"sampler_hz must be in 0..100, got {self.sampler_hz}")
        _require(self.timeout_s > 0, f"timeout_s must be > 0, got {self.timeout_s}")
        _require(self.fence >= 0, f"fence must be >= 0, got {self.fence}")

    def _require_scheduling(self) -> None:
        ordered = list(self.affinity) == sorted(set(self.affinity)) and min(self.affinity, default=0) >= 0
        _require(ordered, f"affinity must be CPU numbers in order, each once, got {self.affinity}")
        _require(self.priority in PRIORITIES, f"priority must be one of {PRIORITIES}, got {self.priority!r}")
        paced = self.priority != FIFO or self.mode == "paced"
        _require(paced, f"priority fifo belongs to mode paced, got mode {self.mode!r}")

    def _require_streams(self) -> None:
        _require(self.streams > 0, f"streams must be > 0, got {self.streams}")
        _require(self.sharing in SHARINGS, f"sharing must be one of {SHARINGS}, got {self.sharing!r}")
        alone = self.streams == 1 and self.sharing == PROCESSES
        _require(alone or self.mode == "multi", f"streams and sharing belong to mode multi, got mode {self.mode!r}")

    def _require_cascade(self) -> None:
        whole = (self.cascade is not None) == (self.mode == CASCADE)
        _require(whole, f"cascade belongs to mode cascade, and that mode needs it, got mode {self.mode!r}")
        rates = {s.contract.sample_rate_hz for s in self.cascade.stages if not s.takes_text} if self.cascade else set()
        _require(rates <= {self.contract.sample_rate_hz}, f"stages of a cascade hear one audio, got rates {rates}")

    def _require_arrivals(self) -> None:
        _require(self.policy in POLICIES, f"policy must be one of {POLICIES}, got {self.policy!r}")
        offsets = self.arrival_offsets_ns
        plain = self.policy == "catch-up" and not offsets
        paced = self.mode in ("paced", "multi")
        _require(plain or paced, f"policy and arrivals belong to modes paced and multi, got mode {self.mode!r}")
        chunk_ns = self.chunk_samples * 1_000_000_000 // self.contract.sample_rate_hz
        backwards = [k for k in range(len(offsets)) if offsets[k] < offsets[k - 1] - chunk_ns]
        _require(not backwards, f"arrivals must not run backwards, got that at chunk {backwards[:1]} of the trace")
        first = min(offsets, default=0)
        _require(first >= -chunk_ns, f"chunks must not arrive before the stream, got an offset of {first} ns")


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
class PhaseMemory:
    """Memory of the session's process in a phase (import, load, first-run, steady).

    ``method`` says how ``peak_bytes`` is known. ``hwm-reset``: VmHWM, reset at the phase's start. ``hwm-rose``: VmHWM,
    which could not be reset and rose within the phase, so that it is the phase's own. ``sampled``: neither; the
    greatest of ``readings`` readings of RSS, a lower bound, and the truth is ``at_most_bytes``, the peak since the
    process began. (Ledgers of before have ``hwm-cumulative``: that peak since the process began.) None where /proc says
    nothing. RSS is split as it was at the phase's end.

    ``available_drop_bytes``: how far MemAvailable fell below its value at the phase's start, where CPU and GPU share
    the memory (Jetson); it counts what others do too. None elsewhere.
    """

    phase: str
    peak_bytes: Optional[int]
    rss_anon_bytes: Optional[int]
    rss_file_bytes: Optional[int]
    method: str
    at_most_bytes: Optional[int] = None
    readings: Optional[int] = None
    available_drop_bytes: Optional[int] = None


@dataclass(frozen=True)
class MemorySnapshot:
    """Proportional set size of the session's process at ``t_ns``, read from ``source`` after the stream: no peak."""

    pss_bytes: int
    t_ns: int
    source: str


@dataclass(frozen=True)
class OperatorTime:
    """One node as the runtime ran it in a profiled run: ``calls`` times on ``provider``, an execution provider or a
    delegate. ``node`` is the runtime's name for it; what a provider compiled into one is one node.

    ``time_us`` is that of all calls, ``share`` its part of all nodes' in 0..1; both None where the runtime names nodes
    and does not time them. Profiling slows kernels of microseconds several times, so shares rank, and times are no
    figure of the model.
    """

    op: str
    node: str
    provider: str
    calls: int
    time_us: Optional[float] = None
    share: Optional[float] = None

    def __post_init__(self) -> None:
        _require(self.calls > 0, f"calls must be > 0, got {self.calls}")
        _require((self.time_us is None) == (self.share is None), "time_us and share are known together, or not at all")
        _require(self.time_us is None or self.time_us >= 0, f"time_us must be >= 0, got {self.time_us}")
        _require(self.share is None or 0 <= self.share <= 1, f"share must be in 0..1, got {self.share}")


@dataclass(frozen=True)
class Profile:
    """What a runtime's profiler said, from a short run of its own: every runtime in this form.

    ``fallback``: why nodes did not go to the provider that was asked for, in the runtime's own words; None where it
    gave no reason, or none was needed. ``assigned``: provider -> nodes of the graph that it was given, of which it may
    have compiled many into one of ``operators``; empty where the runtime does not tell.
    """

    operators: Tuple[OperatorTime, ...] = ()
    fallback: Optional[str] = None
    assigned: Dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ProviderShare:
    """What one execution provider did in a profiled run: number of nodes, share of the nodes' time in 0..1.

    ``time_share`` None: the runtime names its nodes and does not time them. ``graph_nodes``: how many of the graph's
    nodes those stand for; None where the runtime does not tell.
    """

    provider: str
    nodes: int
    time_share: Optional[float]
    operators: Tuple[str, ...] = ()
    graph_nodes: Optional[int] = None


@dataclass(frozen=True)
class DeviceParity:
    """A provider's outputs against those of ``reference``, a provider of the same build, on the device.

    Both streamed the same ``chunk_count`` chunks with their own state. ``snr_db`` None with ``max_abs`` 0: bit for bit
    the same. ``reason``: why there are no figures.
    """

    reference: str
    chunk_count: int
    max_abs: Optional[float] = None
    snr_db: Optional[float] = None
    reason: Optional[str] = None

    def __post_init__(self) -> None:
        _require((self.max_abs is None) == (self.reason is not None), "parity has its figures, or the reason why not")


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
        _require(self.outcome in ("ok", "failed"), f"outcome must be ok or failed, got {self.outcome!r}")
        _require(self.outcome == "ok" or self.reason is not None, "a failed session needs its reason")
        _require(self.failure is None or self.failure in FAILURES, f"failure must be one of {FAILURES}: {self.failure}")


def failed(session_id: str, failure: str, reason: str) -> RunResult:
    """A result for a session that ended with ``reason`` before it measured anything."""
    return RunResult(session_id=session_id, outcome="failed", chunk_count=0, failure=failure, reason=reason)
