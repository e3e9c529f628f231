"""What a session is asked for."""

from dataclasses import dataclass, field
from typing import Any, Dict, Optional, Tuple

from agents.contract import StreamContract
from agents.device_facts import PROTOCOL
from agents.wire.blob import SESSION_ID, Blob, Span, is_session_id, require
from agents.wire.cascade import Cascade
from agents.wire.parts import PARTS, STEP

POLICIES = ("catch-up", "block", "drop-oldest", "drop-newest")
CASCADE = "cascade"
MODES = ("paced", "flat-out", "multi", "evaluate", "placement", CASCADE)
# How the streams of mode multi share the device: a process each, or one loaded model that serves them in turn.
PROCESSES, ONE_SESSION = "processes", "one-session"
SHARINGS = (PROCESSES, ONE_SESSION)
# Priorities of a session: as any other process, above the others, before all that is not realtime (sched(7)).
PLAIN, NICE, FIFO = "", "nice", "fifo"
PRIORITIES = (PLAIN, NICE, FIFO)


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
        require(self.protocol == PROTOCOL, f"protocol must be {PROTOCOL}, got {self.protocol}: push this agent again")
        named = is_session_id(self.session_id)
        require(named, f"session_id must match {SESSION_ID.pattern}, got {self.session_id!r}")
        require(self.mode in MODES, f"mode must be one of {MODES}, got {self.mode!r}")
        require(
            self.chunk_samples in self.contract.allowed_chunk_samples,
            f"chunk_samples must be one of {self.contract.allowed_chunk_samples}, got {self.chunk_samples}",
        )
        if self.mode == "evaluate":
            require(bool(self.spans), "mode evaluate needs spans")
        else:
            require(self.chunk_count > 0, f"chunk_count must be > 0, got {self.chunk_count}")
        require(self.threads > 0, f"threads must be > 0, got {self.threads}")
        self._require_scheduling()
        require(set(self.parts) <= set(PARTS), f"parts must be among {PARTS}, got {sorted(self.parts)}")
        whole = self.contract.search is None or STEP in self.parts
        require(whole, f"the decoder {self.contract.decoder.kind} needs the part {STEP!r}: the model's second graph")
        require(self.deadline_ns is None or self.deadline_ns > 0, f"deadline_ns must be > 0, got {self.deadline_ns}")
        require(self.ring_chunks > 0, f"ring_chunks must be > 0, got {self.ring_chunks}")
        self._require_arrivals()
        self._require_streams()
        self._require_cascade()
        require(0 <= self.sampler_hz <= 100, f"sampler_hz must be in 0..100, got {self.sampler_hz}")
        require(self.timeout_s > 0, f"timeout_s must be > 0, got {self.timeout_s}")
        require(self.fence >= 0, f"fence must be >= 0, got {self.fence}")

    def _require_scheduling(self) -> None:
        ordered = list(self.affinity) == sorted(set(self.affinity)) and min(self.affinity, default=0) >= 0
        require(ordered, f"affinity must be CPU numbers in order, each once, got {self.affinity}")
        require(self.priority in PRIORITIES, f"priority must be one of {PRIORITIES}, got {self.priority!r}")
        paced = self.priority != FIFO or self.mode == "paced"
        require(paced, f"priority fifo belongs to mode paced, got mode {self.mode!r}")

    def _require_streams(self) -> None:
        require(self.streams > 0, f"streams must be > 0, got {self.streams}")
        require(self.sharing in SHARINGS, f"sharing must be one of {SHARINGS}, got {self.sharing!r}")
        alone = self.streams == 1 and self.sharing == PROCESSES
        require(alone or self.mode == "multi", f"streams and sharing belong to mode multi, got mode {self.mode!r}")

    def _require_cascade(self) -> None:
        whole = (self.cascade is not None) == (self.mode == CASCADE)
        require(whole, f"cascade belongs to mode cascade, and that mode needs it, got mode {self.mode!r}")
        rates = {s.contract.sample_rate_hz for s in self.cascade.stages if not s.takes_text} if self.cascade else set()
        require(rates <= {self.contract.sample_rate_hz}, f"stages of a cascade hear one audio, got rates {rates}")

    def _require_arrivals(self) -> None:
        require(self.policy in POLICIES, f"policy must be one of {POLICIES}, got {self.policy!r}")
        offsets = self.arrival_offsets_ns
        plain = self.policy == "catch-up" and not offsets
        paced = self.mode in ("paced", "multi")
        require(plain or paced, f"policy and arrivals belong to modes paced and multi, got mode {self.mode!r}")
        chunk_ns = self.chunk_samples * 1_000_000_000 // self.contract.sample_rate_hz
        backwards = [k for k in range(len(offsets)) if offsets[k] < offsets[k - 1] - chunk_ns]
        require(not backwards, f"arrivals must not run backwards, got that at chunk {backwards[:1]} of the trace")
        first = min(offsets, default=0)
        require(first >= -chunk_ns, f"chunks must not arrive before the stream, got an offset of {first} ns")
